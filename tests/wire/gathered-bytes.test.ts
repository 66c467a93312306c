// A body's pieces become the body, whether its length was told or not.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GatheredBytes } from '#src/wire/index.ts'
import { heldMemory } from '../support/held-memory.ts'

const pieces = ['one', ' and ', 'zwölf'].map((text) => Buffer.from(text))
const all = Buffer.concat(pieces)

test.each([
  ['told', all.length, pieces],
  ['not told', null, pieces],
  ['told, in one piece', all.length, [all]],
  ['not told, in one piece', null, [all]],
  ['told, and of nothing', 0, []],
])('a length that was %s', (_, declared, given) => {
  const gathered = new GatheredBytes(declared)
  for (const piece of given) gathered.add(piece)
  expect(gathered.whole().toString()).toBe(given.map((piece) => piece.toString()).join(''))
})

test('pieces of any sizes keep their order', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(5), fc.nat(100_000)), { maxLength: 60 }), (sizes) => {
      const gathered = new GatheredBytes()
      const given = sizes.map((size, at) => Buffer.alloc(size, at + 1))
      for (const piece of given) gathered.add(piece)
      expect(gathered.byteCount).toBe(sizes.reduce((sum, size) => sum + size, 0))
      expect(gathered.whole().equals(Buffer.concat(given))).toBe(true)
    }),
    { numRuns: 100 },
  )
})

test('single bytes take about as much memory as they are', () => {
  const gathered = new GatheredBytes()
  const count = 2_000_000
  const before = heldMemory()
  for (let at = 0; at < count; at += 1) gathered.add(Buffer.from('x'))
  // Kept one by one, each takes a hundred.
  expect(heldMemory() - before).toBeLessThan(10 * count)
  expect(gathered.whole()).toHaveLength(count)
})
