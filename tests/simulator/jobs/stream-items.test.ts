// An output that is too large for one stream item is cut into several. No byte is lost, and no
// character is cut.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { streamItems } from '#src/simulator/jobs/stream-items.ts'

test('what fits in one item is one item, whatever it is', () => {
  for (const value of ['text', '', { a: 1 }, [1, 2], null, 7]) {
    expect(streamItems(value, 100)).toEqual([value])
  }
})

test('a larger text is several items, none of them too large, and nothing is lost', () => {
  const text = fc.string({ unit: 'binary', maxLength: 200 })
  fc.assert(
    fc.property(text, fc.integer({ min: 4, max: 64 }), (given, maxBytes) => {
      const items = streamItems(given, maxBytes) as string[]
      expect(Buffer.concat(items.map((item) => Buffer.from(item)))).toEqual(Buffer.from(given))
      for (const item of items) expect(Buffer.byteLength(item)).toBeLessThanOrEqual(maxBytes)
    }),
  )
})

test('no character is cut', () => {
  expect(streamItems('aéé€€😀😀', 4)).toEqual(['aé', 'é', '€', '€', '😀', '😀'])
})

test('a larger object is cut as its JSON text', () => {
  const items = streamItems({ embedding: 'x'.repeat(50) }, 30) as string[]
  expect(items.length).toBe(3)
  expect(JSON.parse(items.join(''))).toEqual({ embedding: 'x'.repeat(50) })
})
