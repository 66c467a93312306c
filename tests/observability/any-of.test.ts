// The search for many texts at once must find exactly what one search for each text finds.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAnyOf } from '#src/observability/any-of.ts'

/** Few letters, so that texts are often nearly in the line. */
const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom('a', 'b', 'é', '€', '"'), minLength, maxLength })

test('finds a text wherever it stands, and says no where none is', () => {
  const anyTexts = fc.array(letters(4, 40), { maxLength: 6 })
  fc.assert(
    fc.property(anyTexts, letters(0, 60), letters(0, 60), fc.nat(6), (texts, head, tail, which) => {
      const anyOf = createAnyOf(texts)
      for (const line of [head + tail, head + (texts[which] ?? '') + tail]) {
        expect(anyOf(line)).toBe(texts.some((text) => line.includes(text)))
      }
    }),
    { numRuns: 2000 },
  )
})

describe.each([4, 11, 12, 13, 40])('a text of %i characters', (length) => {
  const text = 'A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5Q6r7S8t9'.slice(0, length)

  test('is found at every place of a line, and nothing of it is less than it', () => {
    const anyOf = createAnyOf([text, `${text}longer`, 'something else altogether'])
    for (let at = 0; at < 100; at += 1) {
      const line = '-'.repeat(at) + text + '-'.repeat(100 - at)
      expect(anyOf(line)).toBe(true)
      expect(anyOf(line.slice(0, at + length))).toBe(true)
      expect(anyOf(line.slice(0, at + length - 1))).toBe(false)
      expect(anyOf(line.slice(at + 1))).toBe(false)
    }
  })
})

test('of no texts none is found', () => {
  expect(createAnyOf([])('')).toBe(false)
  expect(createAnyOf([])('a line of text')).toBe(false)
})
