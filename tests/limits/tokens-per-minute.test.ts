// Tokens per minute of a key: the most that a call may take is taken before it, and what it did not
// take is given back when it is settled.
import { describe, expect, test } from 'vitest'
import type { ApiKey } from '#src/domain/index.ts'
import { createLimits, limitsOptions, type Reservation } from '#src/limits/index.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { seededRandom } from '../support/seeded-random.ts'

const { signal } = new AbortController()

function given(tokensPerMinute: number | null = 1000, options = {}) {
  const clock = createFakeClock()
  let key: ApiKey = { ...sampleKey, tokensPerMinute }
  const limits = createLimits(limitsOptions.parse(options), { clock, latest: () => key })
  return {
    clock,
    limits,
    change: (changes: Partial<ApiKey>) => {
      key = { ...key, ...changes }
    },
    reserve: (bound: number) => limits.reserve({ call: chatCall({}, { key }), bound }, signal),
    left: async () => (await limits.look(key)).rates.tokens?.remaining,
  }
}

const record = { outcome: 'ok', attempts: 1 } as const

function settle(reservation: Reservation, tokens: number): Promise<void> {
  const usage = { promptTokens: tokens, completionTokens: 0, cachedTokens: 0, source: 'reported' }
  return reservation.settle({ ...record, usage: { ...usage, source: 'reported' } })
}

test('what a call may take is gone until it is settled, and then what it took', async () => {
  const { reserve, left } = given()
  const one = await reserve(600)
  expect(one.rates.tokens).toMatchObject({ limit: 1000, remaining: 400, resetMs: 36_000 })
  await settle(one, 150)
  expect(await left()).toBe(850)
  await settle(one, 0)
  expect(await left()).toBe(850)
})

test('a call that took nothing gives everything back', async () => {
  const { reserve, left } = given()
  await settle(await reserve(1000), 0)
  expect(await left()).toBe(1000)
})

test('a client that hangs up pays for the prompt that was sent for it', async () => {
  const { limits, left } = given()
  const text = { param: 'messages', textBytes: 398, toolBytes: 0, tokens: 0 }
  const call = { ...chatCall({}), promptSize: text, key: { ...sampleKey, tokensPerMinute: 1000 } }
  const counted = { promptTokens: 0, completionTokens: 20, cachedTokens: 0, source: 'counted' }
  const gone = { outcome: 'client_gone', usage: { ...counted, source: 'counted' } } as const
  await (await limits.reserve({ call, bound: 900 }, signal)).settle({ ...gone, attempts: 1 })
  expect(await left()).toBe(880)
  const unsent = { ...gone, usage: { ...gone.usage, completionTokens: 0 }, attempts: 0 }
  await (await limits.reserve({ call, bound: 880 }, signal)).settle(unsent)
  expect(await left()).toBe(880)
  // An estimate takes no more than was reserved.
  await (await limits.reserve({ call, bound: 50 }, signal)).settle({ ...gone, attempts: 1 })
  expect(await left()).toBe(830)
})

test('a call for which too few are left is refused, with the moment at which it passes', async () => {
  const { reserve, clock, left } = given()
  await reserve(700)
  const refused = {
    kind: 'rate_tokens',
    retryAfterMs: 12_000,
    rates: { tokens: { remaining: 300 } },
  }
  await expect(reserve(500)).rejects.toMatchObject(refused)
  expect(await left()).toBe(300)
  await clock.advance(11_950)
  await expect(reserve(500)).rejects.toMatchObject({ kind: 'rate_tokens', retryAfterMs: 50 })
  await clock.advance(50)
  await reserve(500)
})

test('a call that may take more than the key has in a minute is refused for good', async () => {
  const { reserve, left } = given()
  await expect(reserve(1001)).rejects.toMatchObject({
    kind: 'tokens_beyond_limit',
    message: expect.stringMatching(/1001 tokens.* 1000 per minute/),
  })
  expect(await left()).toBe(1000)
})

test('a key without a limit is not counted, and goes by the configured one where there is one', async () => {
  const free = given(null)
  expect((await free.reserve(1e9)).rates.tokens).toBeNull()
  const usual = given(null, { tokensPerMinute: 50 })
  await expect(usual.reserve(51)).rejects.toMatchObject({ kind: 'tokens_beyond_limit' })
})

test('a call that is refused for its key’s places takes no tokens, and the reverse', async () => {
  const { reserve, left, limits } = given(1000, { concurrencyMax: 1, concurrencyWaitingMax: 0 })
  const one = await reserve(100)
  await expect(reserve(100)).rejects.toMatchObject({ kind: 'rate_concurrency' })
  expect(await left()).toBe(900)
  one[Symbol.dispose]()
  await expect(reserve(1001)).rejects.toMatchObject({ kind: 'tokens_beyond_limit' })
  expect((await limits.look(sampleKey)).running).toBe(0)
})

describe('a limit that is changed', () => {
  test('holds for whoever comes then, and owes no more than a minute of it', async () => {
    const { reserve, change, clock, left } = given(100_000)
    await reserve(100_000)
    change({ tokensPerMinute: 600 })
    expect(await left()).toBe(0)
    await clock.advance(30_000)
    expect(await left()).toBe(300)
  })

  test('holds for calls under way when they are settled', async () => {
    const { reserve, change, clock, left } = given(1000)
    const one = await reserve(1000)
    change({ tokensPerMinute: 2000 })
    await clock.advance(15_000)
    // 500 have come back by the new limit.
    await settle(one, 700)
    expect(await left()).toBe(1800)
  })

  test('that comes while a call runs counts none of its tokens back', async () => {
    const { reserve, change, left } = given(null)
    const free = await reserve(5000)
    change({ tokensPerMinute: 1000 })
    await reserve(400)
    await settle(free, 0)
    expect(await left()).toBe(600)
  })

  test('that goes away owes nothing', async () => {
    const { reserve, change } = given(1000)
    const one = await reserve(1000)
    change({ tokensPerMinute: null })
    await settle(one, 10)
    expect((await reserve(1e9)).rates.tokens).toBeNull()
  })
})

test('under a seeded load no window has more than its share, and what is told is true', async () => {
  const next = seededRandom(13)
  const random = () => next(1_000_000) / 1_000_000
  const limit = 10_000
  const { reserve, clock, left } = given(limit)
  const flows: { atMs: number; amount: number }[] = []
  const running: { reservation: Reservation; bound: number; endsMs: number }[] = []
  const flow = (amount: number) => void flows.push({ atMs: clock.ticksMs(), amount })
  const settleUntil = async (untilMs: number) => {
    for (const one of running.filter(({ endsMs }) => endsMs <= untilMs)) {
      running.splice(running.indexOf(one), 1)
      const used = Math.floor(random() * (one.bound + 1))
      await settle(one.reservation, used)
      flow(used - one.bound)
    }
  }
  let refusals = 0
  while (clock.ticksMs() < 1_200_000) {
    await clock.advance(Math.ceil(random() * 400))
    await settleUntil(clock.ticksMs())
    const bound = 1 + Math.floor(random() ** 3 * limit)
    const taken = await reserve(bound).catch((fault) => fault)
    if ('settle' in taken) {
      flow(bound)
      running.push({ reservation: taken, bound, endsMs: clock.ticksMs() + random() * 90_000 })
      continue
    }
    refusals += 1
    if (refusals % 20 !== 0 || taken.retryAfterMs <= 50) continue
    // Nothing else of the key settles meanwhile.
    await clock.advance(taken.retryAfterMs - 50)
    await expect(reserve(bound)).rejects.toMatchObject({ kind: 'rate_tokens' })
    await clock.advance(50)
    running.push({ reservation: await reserve(bound), bound, endsMs: clock.ticksMs() })
    flow(bound)
  }
  expect(refusals).toBeGreaterThan(100)
  expect(mostWithin(flows, 60_000)).toBeLessThanOrEqual(2 * limit)
  expect(mostWithin(flows, 600_000)).toBeLessThanOrEqual(11 * limit)
  // And not far less, or the limit would be another one.
  expect(mostWithin(flows, 600_000)).toBeGreaterThan(9 * limit)
  expect(await left()).toBeGreaterThanOrEqual(0)
})

/** The most that was reserved, less what was given back, in any window of this length. */
function mostWithin(flows: readonly { atMs: number; amount: number }[], windowMs: number): number {
  let most = 0
  for (const [first, { atMs }] of flows.entries()) {
    let sum = 0
    for (let at = first; at < flows.length; at += 1) {
      const one = flows[at]
      if (one === undefined || one.atMs >= atMs + windowMs) break
      sum += one.amount
      most = Math.max(most, sum)
    }
  }
  return most
}
