// What is told about a JSON text without parsing it, compared with what parsing tells.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasLoneSurrogate, hasMoreNames, hasMoreOpeners, jsonShape } from '#src/wire/index.ts'

/* biome-ignore format: a table reads as a table */
test.each([
  ['{}', 1, 1, 0], ['[]', 1, 1, 0], ['1', 0, 0, 0], ['', 0, 0, 0], ['[[],[],{}]', 2, 4, 0], ['{"a":{"b":[1,{"c":2}]}}', 4, 4, 3],
  ['"[[[{{{"', 0, 0, 0], ['{"[":"]","\\"{":"\\\\"}', 1, 1, 2], ['["\\\\",["]"]]', 2, 2, 0], ['[[[', 3, 3, 0], [']]]', 0, 0, 0], ['["[[[', 1, 1, 0],
  ['{"a:b":":::"}', 1, 1, 1],
])('%s nests %i deep and holds %i with %i names', (text, depth, containers, names) => {
  expect(jsonShape(text)).toEqual({ depth, containers, names })
})

test('any JSON is as deep and holds as many as its parsed value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const depths = depthsOf(value, 1)
      const depth = Math.max(0, ...depths)
      const expected = { depth, containers: depths.length, names: namesIn(value) }
      expect(jsonShape(JSON.stringify(value, null, 1))).toEqual(expected)
    }),
  )
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['[]', 0, true], ['[]', 1, false], ['{"a":[1]}', 1, true], ['{"a":[1]}', 2, false], ['"[{"', 1, true], ['', 0, false], ['aaaa', 0, false],
])('%s opens more than %i: %s', (text, max, isMore) => {
  expect(hasMoreOpeners(text, max)).toBe(isMore)
})

test('a text never opens fewer than its value holds', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(20), (value, max) => {
      const isMore = hasMoreOpeners(JSON.stringify(value), max)
      if (depthsOf(value, 1).length > max) expect(isMore).toBe(true)
    }),
  )
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['{"a":1,"b":2}', 1, true], ['{"a":1,"b":2}', 2, false], ['"a:b:c:d:e"', 1, true], ['', 0, false],
])('%s has more names than %i: %s', (text, max, isMore) => {
  expect(hasMoreNames(text, max)).toBe(isMore)
})

test('a text never has fewer names than its value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(20), (value, max) => {
      if (namesIn(value) > max) expect(hasMoreNames(JSON.stringify(value), max)).toBe(true)
    }),
  )
})

function namesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce((sum: number, one) => sum + namesIn(one), own)
}

function depthsOf(value: unknown, depth: number): number[] {
  if (typeof value !== 'object' || value === null) return []
  return [depth, ...Object.values(value).flatMap((one) => depthsOf(one, depth + 1))]
}

/* biome-ignore format: a table reads as a table */
test.each([
  ['"\\ud83d\\ude00"', false], ['"\\uD83D\\uDE00"', false], ['"\\u0041\\u00e9"', false], ['"\\\\ud83d"', false], ['"\\\\\\\\ud83d"', false], ['"ud83d"', false], ['"\\ud7ff\\ue000"', false],
  ['"\\ud83d"', true], ['"\\ude00"', true], ['"\\ude00\\ud83d"', true], ['"\\ud83dx\\ude00"', true], ['"\\ud83d\\n\\ude00"', true], ['"\\ud83d\\u0041"', true],
  ['"\\ud83d\\ud83d\\ude00"', true], ['"\\\\\\ud83d"', true], ['"\\\\ud83d\\ude00"', true], ['{"\\udbff":1}', true], ['[1,{"a":[{"b":"\\udbff"}]}]', true], ['[1,null,{"a":["\\n"]}]', false],
])('%s spells half of a pair: %s', (text, isLone) => {
  expect(hasLoneSurrogate(text, JSON.parse(text))).toBe(isLone)
})

test('any text in escapes spells half of a pair exactly when it is not well formed', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0xd7fe, max: 0xe001 }), { maxLength: 8 }), (codes) => {
      const text = String.fromCharCode(...codes)
      const escaped = codes.map((code) => `\\u${code.toString(16)}`).join('')
      expect(hasLoneSurrogate(`"${escaped}"`, text)).toBe(!text.isWellFormed())
    }),
  )
})
