// Parsing in pieces against JSON.parse: the same verdict on any text, and the same value.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseInPieces, topLevelMembers } from '#src/wire/index.ts'
import { jsonText, objectText } from '../support/json-texts.ts'
import { atOnce } from '../support/pieces.ts'

/** Pieces of a few characters, so that a short text has many. */
const pieceChars = fc.integer({ min: 1, max: 40 })

/** Lists of what looks alike, as messages and inputs do, with things in them that look like seams. */
const alike = fc.oneof(
  listOf(fc.record({ role: fc.string(), content: fc.oneof(fc.string(), seams()) })),
  listOf(fc.record({ type: seams(), parts: fc.array(fc.record({ type: fc.string() })) })),
  listOf(fc.oneof(fc.string(), seams())),
  listOf(fc.nat()),
  listOf(fc.array(fc.nat(), { maxLength: 4 })),
  listOf(fc.anything({ maxDepth: 2 }).map((value) => value ?? null)),
)

function listOf(item: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> {
  return fc.array(item, { maxLength: 12 })
}

function seams(): fc.Arbitrary<string> {
  return fc.constantFrom('},{"role"', '},{', ',', ', ', '","', '\\', '"', '],[', '\\"},{"role":')
}

const written = fc
  .tuple(fc.dictionary(fc.string(), alike, { maxKeys: 4 }), fc.constantFrom(0, 1, 2))
  .map(([value, indent]) => JSON.stringify(value, null, indent))

const texts = fc.oneof(
  written,
  written.map((text) => text.replaceAll(/,(?=["{[])/g, ', ')),
  objectText.map(({ text }) => text),
  jsonText,
)

/** What breaks JSON, or does not. */
const strays = fc.constantFrom(
  ...['"', '\\', ',', ':', '{', '}', '[', ']', ' ', '\n', '\u00a0', '\ufeff', '\0', '\u2028'],
  ...['0', '-', 'e', '.', 'null', 'NaN', '//', '"__proto__":1', ',,', '\\u', "'", '},{', '],['],
)

type Break = (text: string) => string

const breaks: fc.Arbitrary<Break> = fc
  .tuple(fc.nat(), fc.nat(6), strays, fc.constantFrom('cut', 'insert', 'double', 'replace', 'end'))
  .map(([place, length, stray, how]) => (text) => {
    const at = place % (text.length + 1)
    const after = how === 'insert' ? at : at + (how === 'replace' ? 1 : length)
    if (how === 'end') return text.slice(0, at)
    if (how === 'cut') return text.slice(0, at) + text.slice(after)
    const between = how === 'double' ? text.slice(at, after).repeat(2) : stray
    return text.slice(0, at) + between + text.slice(after)
  })

const brokenTexts = fc
  .tuple(texts, fc.array(breaks, { minLength: 1, maxLength: 3 }))
  .map(([text, all]) => all.reduce((broken, one) => one(broken), text))

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Null is always allowed: then the whole is parsed. It must only be what it has to be. */
function expectTheSame(text: string, chars: number): void {
  const value = parsed(text)
  const isFit = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  const pieces = atOnce(parseInPieces(text, chars))
  if (!isFit || Array.isArray(value)) {
    expect(pieces).toBeNull()
    return
  }
  expect(isDeepStrictEqual(pieces?.value, value)).toBe(true)
  expect(JSON.stringify(pieces?.value)).toBe(JSON.stringify(value))
  expect(pieces?.members).toEqual(topLevelMembers(text))
}

describe('in pieces of any size', () => {
  test('JSON becomes what JSON.parse makes of it', () => {
    fc.assert(fc.property(texts, pieceChars, expectTheSame), { numRuns: 2000 })
  })

  test('what is no JSON, or only just, is judged as JSON.parse judges it', () => {
    fc.assert(fc.property(brokenTexts, pieceChars, expectTheSame), { numRuns: 6000 })
  })
})

const items = '{"role":"a"},{"role":"b"},{"role":"c"},{"role":"d"}'

/* biome-ignore format: a table reads as a table */
const oddities = [
  '', '{', '{}', ' { } ', '[]', 'null', '{"', '{"a', '{"a"', '{"a":', '{"a":[', '{"a":[[[[[[[[', '{"a":[{"a":[{"a":[', '{"a":[1', '{"a":[1,', '{"a":[1,]}', '{"a":[,1]}', '{"a":[1,,2]}', '{"a":[1 2]}',
  '{"a":[1,2],}', '{,"a":[1,2]}', '{"a":[1,2],,"b":1}', '{"a":[1,2]"b":1}', '{"a"[1,2]}', '{"a"::[1,2]}', '{"a":[1,2]} x', '{"a":[1,2]}}', '{"a":[1,2]]}', '{"a":1,"a":[1,2,3,4,5,6,7,8]}',
  '{"__proto__":[1,2,3,4,5,6,7,8],"b":{"__proto__":1}}', '{"a":[1],"__proto__":{"x":1}}', '{"1":[1,2,3,4,5],"0":"a"}', '\ufeff{"a":[1,2]}', '{"a":\u00a0[1,2]}', '{"a":[1,\u00a02,3,4,5,6]}', '{"a\n":[1,2]}',
  '{"a":"\0"}', '{"a":[1,2,"\0",3,4,5]}', '{"a":[-0,1e400,-1e-400,12345678901234567890]}', '{a:[1,2]}', "{'a':[1,2]}", '{"a":[1,2,3,4,5]', '{"a":[01,2,3]}', '{"a":tru}', '{"a":[],"b":[ ],"c":{}}',
  `{"m":[${items}]}`, `{"m":[${items}],"t":[${items}]}`, `{"m":[${items},]}`, `{"m":[${items}}`, `{"m":[${items}]`, `{"m":[{"p":[${items}]},{"p":[${items}]}]}`, '{"m":["a",",",",","b","c"]}', '{"m":["],[","],["]}',
  `{"m":[${items}],"x":"unterminated}`, '{"m":[[1,2],[3,4],[5,6],[7,8]]}', `{"m":[${'[],'.repeat(20)}[]]}`, '{"\\u0061":[1,2,3,4,5],"a":1}', '{"a\\":[1,2]}', `{"m":[{${items}]}`, `{"m":[{"role":"\\"},{\\"role\\":"},${items}]}`,
]

test.each(oddities)('%j is judged as JSON.parse judges it', (text) => {
  for (let chars = 1; chars < 60; chars += 1) expectTheSame(text, chars)
})

test('a text with more members than anybody sends is left to JSON.parse', () => {
  const many = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, at])))
  expect(atOnce(parseInPieces(many(256)))).not.toBeNull()
  expect(atOnce(parseInPieces(many(257)))).toBeNull()
})

test('large bodies are parsed in pieces of the usual size too', () => {
  const content = 'Some "text", with \\ in it: },{"role"'.repeat(20)
  const messages = Array.from({ length: 300 }, (_, at) => ({ role: 'user', content, at }))
  const input = Array.from({ length: 40_000 }, (_, at) => at)
  for (const indent of [0, 2]) {
    expectTheSame(
      JSON.stringify({ model: 'm', messages, input, stop: ['a'] }, null, indent),
      65_536,
    )
  }
})

test('the work grows with the text, however often a guess is wrong', () => {
  const lists = Array.from({ length: 250 }, (_, at) => `"a${at}":[{"x":[{"x":1}]}]`).join(',')
  const tail = `"z":[${'{"y":"},{\\"x\\""},{"x":1},'.repeat(200_000)}1]`
  const text = `{${lists},${tail}}`
  expect(atOnce(parseInPieces(text))?.members).toHaveLength(251)
})
