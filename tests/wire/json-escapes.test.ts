// What escapes may have done to a parsed value: names with backslashes, halves of surrogate pairs.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { escapesIn } from '#src/wire/index.ts'

describe('a value has a name with a backslash', () => {
  /* biome-ignore format: a table reads as a table */
  test.each([
    ['{"a\\\\":1}',                        true],
    ['{"a":[{"b":{"c\\\\d":1}}]}',         true],
    ['{"__proto__":{"c\\\\d":1}}',         true],
    ['{"a":"b\\\\"}',                      false],
    ['{"a\\n":1}',                         false],
    ['{"a":null,"b":[null,1,"\\\\"]}',     false],
    ['{}',                                 false],
  ])('%s: %s', (text, expected) => {
    expect(escapesIn(text, JSON.parse(text)).hasBackslashName).toBe(expected)
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['"\\ud83d\\ude00"', false], ['"\\uD83D\\uDE00"', false], ['"\\u0041\\u00e9"', false], ['"\\\\ud83d"', false], ['"\\\\\\\\ud83d"', false], ['"ud83d"', false], ['"\\ud7ff\\ue000"', false],
  ['"\\ud83d"', true], ['"\\ude00"', true], ['"\\ude00\\ud83d"', true], ['"\\ud83dx\\ude00"', true], ['"\\ud83d\\n\\ude00"', true], ['"\\ud83d\\u0041"', true],
  ['"\\ud83d\\ud83d\\ude00"', true], ['"\\\\\\ud83d"', true], ['"\\\\ud83d\\ude00"', true], ['{"\\udbff":1}', true], ['[1,{"a":[{"b":"\\udbff"}]}]', true], ['[1,null,{"a":["\\n"]}]', false],
])('%s spells half of a pair: %s', (text, isLone) => {
  expect(escapesIn(text, JSON.parse(text)).hasLoneSurrogate).toBe(isLone)
})

test('any text in escapes spells half of a pair exactly when it is not well formed', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0xd7fe, max: 0xe001 }), { maxLength: 8 }), (codes) => {
      const text = String.fromCharCode(...codes)
      const escaped = codes.map((code) => `\\u${code.toString(16)}`).join('')
      const { hasLoneSurrogate } = escapesIn(`"${escaped}\\n"`, text)
      expect(hasLoneSurrogate).toBe(!text.isWellFormed())
    }),
  )
})
