// How much of each a body may hold, to the bracket: what a client sends must stop neither us nor the
// parser of a model's server.
import { expect, test } from 'vitest'
import { readBody } from '#src/surfaces/read-body.ts'
import { atOnce } from '../support/pieces.ts'
import { refusalOf } from '../support/surface-call.ts'

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const list = (count: number, item: string) => `[${`${item},`.repeat(count).slice(0, -1)}]`
const inMember = (value: string, name = 'a') => Buffer.from(`{"m":0,"z":0,"${name}":${value}}`)

/** The most that passes, and the least that does not. */
/* biome-ignore format: a table reads as a table */
test.each([
  ['python dies of what nests a thousand deep', nested(255), nested(256), 'nests too deeply'],
  ['what nests is a first member of two', `{"b":${nested(254)},"b":0}`, `{"b":${nested(255)},"b":0}`, 'nests too deeply'],
  ['many brackets in a string hide what nests', `["${'['.repeat(40_000)}",${nested(254)}]`, `["${'['.repeat(40_000)}",${nested(255)}]`, 'nests too deeply'],
  ['objects and arrays by the hundred thousand', list(99_998, '[]'), list(99_999, '[]'), 'holds too many objects and arrays'],
  ['members by the ten thousand', `{${list(49_997, '"b":0').slice(1, -1)}}`, `{${list(49_998, '"b":0').slice(1, -1)}}`, 'has too many members'],
  ['numbers by the million', list(999_997, '0'), list(999_998, '0'), 'holds too many values'],
  ['short strings by the hundred thousand', list(99_997, '"b"'), list(99_998, '"b"'), 'holds too many strings'],
  ['python reads no integer of 4301 digits', '1'.repeat(1_000), '1'.repeat(1_001), 'holds a number with too many digits'],
  ['a fraction has no need of more digits either', `0.${'1'.repeat(1_000)}`, `[0.${'1'.repeat(1_001)}]`, 'holds a number with too many digits'],
])('%s', (_attack, most, tooMuch, message) => {
  expect(atOnce(readBody(inMember(most))).value).toHaveProperty('a')
  const fault = refusalOf(() => atOnce(readBody(inMember(tooMuch))))
  expect(fault).toMatchObject({ kind: 'invalid_json', param: 'a' })
  expect(fault.message).toBe(`The body ${message}.`)
})

test('a member whose name is no plain one is not named', () => {
  const refused = (name: string) =>
    refusalOf(() => atOnce(readBody(inMember(nested(300), name)))).param
  expect(refused('model')).toBe('model')
  expect(refused('a b')).toBeNull()
  expect(refused('mod\\u0065l')).toBeNull()
})

test('a name with a backslash is read by hand only in a body of 256 KB', () => {
  const body = (chars: number) => {
    const rest = '{"a\\\\b":[""]}'
    return Buffer.from(rest.replace('""', `"${'x'.repeat(chars - rest.length)}"`))
  }
  expect(atOnce(readBody(body(262_144))).value).toHaveProperty(['a\\b'])
  const { message } = refusalOf(() => atOnce(readBody(body(262_145))))
  expect(message).toBe('Names must not hold backslashes here.')
})
