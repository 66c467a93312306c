// The policies: in which order the deployments of a plan are asked.
import { describe, expect, test } from 'vitest'
import { leastBusy } from '#src/routing/choose/least-busy.ts'
import { inOrder } from '#src/routing/choose/order.ts'
import { byWeight } from '#src/routing/choose/weighted.ts'
import { seededRandom } from '../support/seeded-random.ts'

const draws = 20_000

/** Numbers from 0 to 1, without 1. */
function chance(seed: number): () => number {
  const random = seededRandom(seed)
  return () => random(2 ** 32) / 2 ** 32
}

/** Which share of the draws had this one at this place. */
function sharesAt<T extends { id: string }>(at: number, draw: () => readonly T[]) {
  const counts = new Map<string, number>()
  for (let n = 0; n < draws; n += 1) {
    const id = draw()[at]?.id ?? 'nobody'
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return (id: string) => (counts.get(id) ?? 0) / draws
}

const idsOf = (list: readonly { id: string }[]) => list.map(({ id }) => id).join('')

describe('order', () => {
  test('asks in the order of the file', () => {
    const file = [{ id: 'c' }, { id: 'a' }, { id: 'b' }]
    expect(idsOf(inOrder(file))).toBe('cab')
    expect(inOrder([])).toEqual([])
  })
})

describe('weighted', () => {
  const weighted = (weights: Record<string, number>) =>
    Object.entries(weights).map(([id, weight]) => ({ id, weight }))

  /* biome-ignore format: a table reads as a table */
  test.each([
    [{ a: 1, b: 1 },             { a: 0.5,  b: 0.5 }],
    [{ a: 3, b: 1 },             { a: 0.75, b: 0.25 }],
    [{ a: 1, b: 3 },             { a: 0.25, b: 0.75 }],
    [{ a: 5, b: 3, c: 2 },       { a: 0.5,  b: 0.3,  c: 0.2 }],
    [{ a: 0, b: 1, c: 0, d: 1 }, { a: 0,    b: 0.5,  c: 0, d: 0.5 }],
    [{ a: 99, b: 1 },            { a: 0.99, b: 0.01 }],
  ])('%j: each is first as often as its weight says', (weights, expected) => {
    const random = chance(1)
    const share = sharesAt(0, () => byWeight(weighted(weights), random))
    for (const [id, much] of Object.entries(expected)) {
      expect(Math.abs(share(id) - much)).toBeLessThan(0.015)
    }
  })

  test('where the first cannot answer, the others share its calls by their weights', () => {
    const random = chance(2)
    const list = weighted({ dead: 6, b: 3, c: 1 })
    const share = sharesAt(0, () => byWeight(list, random).filter(({ id }) => id !== 'dead'))
    expect(Math.abs(share('b') - 0.75)).toBeLessThan(0.015)
    expect(Math.abs(share('c') - 0.25)).toBeLessThan(0.015)
  })

  test('every deployment is in each order once, and the list stays as it was', () => {
    const random = chance(3)
    const list = weighted({ a: 2, b: 0, c: 7, d: 1 })
    for (let n = 0; n < 1_000; n += 1) {
      const order = byWeight(list, random)
      expect([...idsOf(order)].toSorted().join('')).toBe('abcd')
      expect(order.at(-1)?.id).toBe('b')
    }
    expect(idsOf(list)).toBe('abcd')
  })

  test.each([
    ['the least', 0],
    ['the greatest', 1 - 2 ** -53],
  ])('one of weight 0 comes after all others, also at %s chance', (_what, number) => {
    for (const weights of [
      { z: 0, a: 1, b: 1_000 },
      { a: 7, z: 0, b: 3 },
      { a: 3, b: 1, z: 0 },
    ]) {
      expect(byWeight(weighted(weights), () => number).at(-1)?.id).toBe('z')
    }
  })

  test('where all weigh 0 none is lost', () => {
    const order = byWeight(weighted({ a: 0, b: 0, c: 0 }), chance(4))
    expect([...idsOf(order)].toSorted().join('')).toBe('abc')
    expect(byWeight([], chance(4))).toEqual([])
  })
})

describe('least-busy', () => {
  const busy = (loads: Record<string, [running: number, places: number]>) =>
    Object.entries(loads).map(([id, [running, places]]) => ({ id, running, places }))

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['the idle one first',              { a: [1, 4], b: [0, 4] },             'ba'],
    ['the least of three first',        { a: [3, 4], b: [1, 4], c: [2, 4] },  'bca'],
    ['by its places, not by its calls', { a: [2, 4], b: [10, 40] },           'ba'],
    ['also where few run at a small one', { a: [2, 2], b: [30, 32] },         'ba'],
    ['one beyond its places last',      { a: [9, 8], b: [8, 8], c: [7, 8] },  'cba'],
    ['one that lost its places last',   { a: [3, 0], b: [8, 8], c: [0, 8] },  'cba'],
  ] as const)('%s: %j', (_what, loads, expected) => {
    const random = chance(5)
    const list = busy(Object.fromEntries(Object.entries(loads).map(([id, [r, p]]) => [id, [r, p]])))
    for (let n = 0; n < 20; n += 1) expect(idsOf(leastBusy(list, random))).toBe(expected)
    expect(idsOf(list)).toBe(Object.keys(loads).join(''))
  })

  test('puts the others in order also where one has no places', () => {
    const random = chance(8)
    const list = busy({ a: [3, 4], none: [0, 0], b: [2, 4], c: [1, 4] })
    for (let n = 0; n < 100; n += 1) {
      expect(idsOf(leastBusy(list, random).filter(({ id }) => id !== 'none'))).toBe('cba')
    }
  })

  test('those that are as busy as each other are first as often as each other', () => {
    const random = chance(6)
    const list = busy({ a: [1, 2], b: [2, 4], c: [16, 32], full: [4, 4] })
    const share = sharesAt(0, () => leastBusy(list, random))
    for (const id of ['a', 'b', 'c']) expect(Math.abs(share(id) - 1 / 3)).toBeLessThan(0.015)
    expect(share('full')).toBe(0)
  })

  test('of an empty plan is an empty order', () => {
    expect(leastBusy([], chance(7))).toEqual([])
  })
})
