// The members of an object in its bytes, compared with what is done to its text.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  isEmptyArray,
  isWrittenAs,
  membersInBytes,
  spliceBytes,
  spliceMembers,
  topLevelMembers,
} from '#src/wire/index.ts'
import { objectText } from '../support/json-texts.ts'

function inBytes(text: string) {
  return { bytes: Buffer.from(text), members: membersInBytes(text, topLevelMembers(text)) }
}

test('members stand in the bytes where they stand in the text', () => {
  fc.assert(
    fc.property(objectText, ({ text: given }) => {
      const text = given.toWellFormed()
      const { bytes, members } = inBytes(text)
      const written = members.map(({ name, start, valueStart, end }) => [
        name,
        bytes.toString('utf8', start, valueStart),
        bytes.toString('utf8', valueStart, end),
      ])
      expect(written).toEqual(
        topLevelMembers(text).map(({ name, start, valueStart, end }) => [
          name,
          text.slice(start, valueStart),
          text.slice(valueStart, end),
        ]),
      )
    }),
    { numRuns: 1000 },
  )
})

test('the bytes are spliced as the text is', () => {
  const change = fc.constantFrom('"neü"', '[1]', null)
  const added = fc.dictionary(fc.string({ unit: 'grapheme' }), change)
  fc.assert(
    fc.property(objectText, added, ({ text: given, members: all }, more) => {
      const text = given.toWellFormed()
      const { bytes, members } = inBytes(text)
      const named = all.slice(0, 2).map(({ name }, at) => [name, at === 0 ? '"世界"' : null])
      const changes = new Map([...Object.entries(more), ...(named as [string, string | null][])])
      const spliced = spliceBytes(bytes, members, changes)
      expect(spliced.toString()).toBe(spliceMembers(text, topLevelMembers(text), changes))
    }),
    { numRuns: 1000 },
  )
})

test('there is room for names and values of characters of every length', () => {
  const changes = new Map([['\u0001\u0002"\\', '"\u20ac\u{1f680}\u20ac"'.repeat(20)]])
  expect(spliceBytes(Buffer.from('{}'), [], changes).toString()).toBe(
    spliceMembers('{}', [], changes),
  )
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['"a"', '"a"', true], ['"a" ', '"a"', true], ['"a"', '"b"', false], ['"ab"', '"a"', false], ['"a"', '"ab"', false], ['"\\u0061"', '"a"', false],
  ['"ü"', '"ü"', false], ['"ü"', '"\u00c3\u00bc"', false], ['null', 'null', true],
])('the value %s is written as %s: %s', (value, text, expected) => {
  const { bytes, members: [member] } = inBytes(`{"a": ${value}}`)
  expect(member && isWrittenAs(bytes, member, text)).toBe(expected)
})

describe('an empty array', () => {
  /* biome-ignore format: a table reads as a table */
  test.each([['[]', true], ['[ \t\r\n]', true], ['[[]]', false], ['[null]', false], ['{}', false], ['null', false], ['"[]"', false]])('%j: %s', (value, expected) => {
    const { bytes, members: [member] } = inBytes(`{"a":${value}}`)
    expect(member && isEmptyArray(bytes, member)).toBe(expected)
  })
})
