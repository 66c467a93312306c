// How many calls may be tried again at once.
import { describe, expect, test } from 'vitest'
import { type BudgetShare, RetryBudget } from '#src/routing/retry-budget.ts'
import { seededRandom } from '../support/seeded-random.ts'

function beginMany(budget: RetryBudget, count: number): BudgetShare[] {
  return Array.from({ length: count }, () => budget.begin())
}

/** 20 % in whole numbers, so that no rounding of the code's own is repeated here. */
function mayBe(retries: number, calls: number): boolean {
  return retries <= 3 || retries * 5 <= calls
}

/* biome-ignore format: a table reads as a table */
test.each([
  [1,     1],
  [2,     2],
  [3,     3],
  [4,     3],
  [15,    3],
  [19,    3],
  [20,    4],
  [24,    4],
  [25,    5],
  [35,    7],
  [99,    19],
  [100,   20],
  [1_000, 200],
])('of %i calls that all failed, %i are tried again', (calls, retries) => {
  const budget = new RetryBudget()
  const granted = beginMany(budget, calls).filter((share) => share.mayRetry())
  expect(granted).toHaveLength(retries)
  expect(budget.retries).toBe(retries)
})

describe('a call', () => {
  test('that is tried again and again is one retry', () => {
    const budget = new RetryBudget()
    const [share] = beginMany(budget, 100)
    expect([share?.mayRetry(), share?.mayRetry(), share?.mayRetry()]).toEqual([true, true, true])
    expect(budget.retries).toBe(1)
  })

  test('that was refused takes nothing, and may be tried once another has ended', () => {
    const budget = new RetryBudget()
    const [first, second, third, fourth] = beginMany(budget, 4)
    expect([first, second, third].map((share) => share?.mayRetry())).toEqual([true, true, true])
    expect([fourth?.mayRetry(), fourth?.mayRetry()]).toEqual([false, false])
    expect(budget.retries).toBe(3)
    second?.end()
    expect(fourth?.mayRetry()).toBe(true)
    expect(budget.retries).toBe(3)
  })

  test('that was never tried again frees no retry of another', () => {
    const budget = new RetryBudget()
    const shares = beginMany(budget, 5)
    for (const share of shares.slice(0, 3)) share.mayRetry()
    shares[4]?.end()
    expect(budget.retries).toBe(3)
    expect(shares[3]?.mayRetry()).toBe(false)
  })

  test('gives its retry back exactly once', () => {
    const budget = new RetryBudget()
    const [first, second, third, fourth, fifth] = beginMany(budget, 5)
    for (const share of [first, second, third]) share?.mayRetry()
    for (let times = 0; times < 3; times += 1) first?.end()
    expect(budget.retries).toBe(2)
    expect([fourth?.mayRetry(), fifth?.mayRetry()]).toEqual([true, false])
  })

  test('is counted as under way exactly once', () => {
    const budget = new RetryBudget()
    const shares = beginMany(budget, 21)
    for (let times = 0; times < 10; times += 1) shares[20]?.end()
    // 20 are under way: one more that was taken off would leave room for three.
    expect(shares.slice(0, 20).filter((share) => share.mayRetry())).toHaveLength(4)
  })
})

interface Live {
  share: BudgetShare
  isRetrying: boolean
}

test('whenever a retry begins it is one of 3, or of 20 % of the calls under way', () => {
  const random = seededRandom(14)
  const budget = new RetryBudget()
  const live: Live[] = []
  const ended: BudgetShare[] = []
  const seen = { granted: 0, beyondThree: 0, refused: 0 }
  const drawn = () => live[random(live.length)]

  /** It is granted where the rule allows it, and only there. */
  function retry(one: Live): void {
    const before = live.filter(({ isRetrying }) => isRetrying).length
    const may = mayBe(one.isRetrying ? before : before + 1, live.length)
    expect(one.share.mayRetry()).toBe(may)
    if (!may) seen.refused += 1
    else if (!one.isRetrying) {
      seen.granted += 1
      if (before >= 3) seen.beyondThree += 1
    }
    one.isRetrying ||= may
  }

  for (let step = 0; step < 10_000; step += 1) {
    // The calls come and go in waves: the share is of 10 calls here, of hundreds there.
    const isRising = step % 2_000 < 1_000
    const what = random(10)
    if (what < (isRising ? 5 : 2)) live.push({ share: budget.begin(), isRetrying: false })
    else if (what < 7) {
      const one = drawn()
      if (one !== undefined) retry(one)
    } else if (what < 9 || live.length === 0) {
      const [one] = live.splice(random(Math.max(1, live.length)), 1)
      one?.share.end()
      if (one !== undefined) ended.push(one.share)
    } else ended[random(Math.max(1, ended.length))]?.end()
    expect(budget.retries).toBe(live.filter(({ isRetrying }) => isRetrying).length)
  }
  expect(Math.min(seen.granted, seen.beyondThree, seen.refused)).toBeGreaterThan(100)

  for (const { share } of live) share.end()
  expect(budget.retries).toBe(0)
  // Nothing is left of the calls that ended: of 20 new ones, 4 may be tried again.
  expect(beginMany(budget, 20).filter((share) => share.mayRetry())).toHaveLength(4)
})
