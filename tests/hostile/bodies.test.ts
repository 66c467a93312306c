// Bodies that are no JSON, no object, no text, too much of it, or that mean to be read twice. All
// of them come with a good key and good headers, on every route that takes a body.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Besieged, besiege, expectRefusal } from './besieged-gateway.ts'
import { adminRoute, chatRoute, modelRoutes, onEach, postRoutes, spell } from './post-routes.ts'

let besieged: Besieged

beforeAll(async () => {
  besieged = await besiege()
})
afterEach(() => besieged.expectUnharmed())
afterAll(() => besieged[Symbol.asyncDispose]())

type Body = (good: string) => string | Buffer

const deep = 100_000

/** With one more member at the front. */
const withMember =
  (member: string): Body =>
  (good) =>
    `{${member},${good.slice(1)}`

/** With the bytes in the middle of a member's text. */
const withBytes =
  (...bytes: number[]): Body =>
  (good) =>
    Buffer.concat([Buffer.from(`{"x":"`), Buffer.from(bytes), Buffer.from(`",${good.slice(1)}`)])

/* biome-ignore format: a table reads as a table */
const unreadable: [what: string, body: Body][] = [
  ['blanks only',                     () => ' \r\n\t '],
  ['an opened object',                () => '{'],
  ['a cut body',                      (good) => good.slice(0, -1)],
  ['a cut name',                      () => '{"mod'],
  ['a cut escape',                    () => '{"model":"\\u00'],
  ['single quotes',                   (good) => good.replaceAll('"', "'")],
  ['names without quotes',            () => '{model:"test-model"}'],
  ['a comma too many',                (good) => `${good.slice(0, -1)},}`],
  ['a comma too few',                 (good) => good.replace(',', ' ')],
  ['comments',                        (good) => `/* hostile-text */${good}`],
  ['NaN',                             withMember('"temperature":NaN')],
  ['Infinity',                        withMember('"temperature":-Infinity')],
  ['a hexadecimal number',            withMember('"seed":0x10')],
  ['a number with a leading zero',    withMember('"seed":010')],
  ['an unknown escape',               withMember('"x":"\\x41"')],
  ['two objects',                     (good) => good + good],
  ['a tail behind the object',        (good) => `${good}hostile-text`],
  ['a NUL behind the object',         (good) => `${good}\0`],
  ['a NUL within a text',             withBytes(0)],
  ['a line end within a text',        withBytes(10)],
  ['a byte order mark',               (good) => `\ufeff${good}`],
  ['UTF-16',                          (good) => Buffer.from(good, 'utf16le')],
  ['a byte that is no UTF-8',         withBytes(0xff)],
  ['an overlong slash',               withBytes(0xc0, 0xaf)],
  ['a surrogate as bytes',            withBytes(0xed, 0xa0, 0x80)],
  ['a character cut short',           withBytes(0xf0, 0x9f, 0x98)],
  ['a character beyond Unicode',      withBytes(0xf4, 0x90, 0x80, 0x80)],
  ['a form',                          () => 'model=test-model&hostile-text=1'],
  ['a page',                          () => '<html>hostile-text</html>'],
  ['random bytes',                    () => Buffer.from([0x1f, 0x8b, 8, 0, 0, 255, 254, 3, 1, 2])],
  ['endless opening brackets',        () => '['.repeat(deep)],
]

test.each(onEach(postRoutes, unreadable))(
  '%s on %s is refused',
  async (_1, _2, route, [, body]) => {
    const answer = await besieged.ask(spell(route, { body: body(JSON.stringify(route.good)) }))
    expectRefusal(answer, { status: 400, code: 'invalid_json', param: null })
  },
)

/* biome-ignore format: a table reads as a table */
const noObjects: [what: string, body: string][] = [
  ['nothing', ''], ['an array', '[]'], ['an array of objects', '[{"model":"test-model"}]'], ['null', 'null'],
  ['a number', '42'], ['true', 'true'], ['a text', '"hostile-text"'],
]

test.each(onEach(postRoutes, noObjects))(
  '%s instead of an object is refused on %s',
  async (_what, _path, route, [, body]) => {
    expectRefusal(await besieged.ask(spell(route, { body })), { status: 400 })
  },
)

/* biome-ignore format: a table reads as a table */
const refused: [what: string, body: Body, code: string | null, param: string | null][] = [
  ['endless opening objects',         () => '{"a":'.repeat(deep), 'invalid_json', 'a'],
  ['closed but deep arrays',          withMember(`"x":${'['.repeat(deep)}${']'.repeat(deep)}`), 'invalid_json', 'x'],
  ['closed but deep objects',         withMember(`"x":${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`), 'invalid_json', 'x'],
  ['a flood of objects',              withMember(`"x":[${'{},'.repeat(200_000)}{}]`), 'invalid_json', 'x'],
  ['the first half of a pair',        withMember('"x":"\\ud83d"'),                  'invalid_json', null],
  ['the second half of a pair',       withMember('"x":"\\uDE00 hostile-text"'),     'invalid_json', null],
  ['a pair the wrong way round',      withMember('"x":"\\ude00\\ud83d"'),           'invalid_json', null],
  ['half a pair in a name',           withMember('"\\ud800":1'),                    'invalid_json', null],
  ['a second model',                  withMember('"model":"hostile-text"'),         null, 'model'],
  ['a second model, spelled otherwise', withMember('"\\u006dodel":"hostile-text"'), null, 'model'],
  ['a second name of any kind',       withMember('"x":1,"x":2'),                    null, 'x'],
  ['a second name that is no name',   withMember('"hostile-text <b>":1,"hostile-text <b>":2'), null, null],
  ['a model behind __proto__',        () => '{"__proto__":{"model":"test-model","messages":[],"prompt":"","input":""}}', null, 'model'],
  ['a model behind constructor',      () => '{"constructor":{"prototype":{"model":"test-model"}}}', null, 'model'],
  ['a model that is null',            (good) => good.replace('"test-model"', 'null'),  null, 'model'],
  ['a model that is empty',           (good) => good.replace('"test-model"', '""'),    null, 'model'],
  ['a model that is a number',        (good) => good.replace('"test-model"', '1e999'), null, 'model'],
  ['a model that is an object',       (good) => good.replace('"test-model"', '{"toString":"hostile-text"}'), null, 'model'],
  ['a model that is an array',        (good) => good.replace('"test-model"', '["test-model"]'), null, 'model'],
  ['a model of a megabyte',           (good) => good.replace('test-model', 'hostile-text'.repeat(90_000)), null, 'model'],
]

test.each(onEach(modelRoutes, refused))(
  '%s is refused on %s',
  async (_what, _path, route, [, body, code, param]) => {
    const answer = await besieged.ask(spell(route, { body: body(JSON.stringify(route.good)) }))
    expectRefusal(answer, { status: 400, code, param })
  },
)

/* biome-ignore format: a table reads as a table */
const unknownModels: [name: string][] = [
  ['__proto__'], ['constructor'], ['toString'], ['hostile-text\\r\\nx-injected: 1'], ['hostile-text\\u0000'], ['../test-model'],
  ['test-model\\u0000'], ['TEST-MODEL'], [' test-model'], ['m\\u00f6del-\\ud83d\\ude00'], ['<script>hostile-text</script>'], ["hostile-text' OR 1=1 --"],
]

test.each(onEach(modelRoutes, unknownModels))(
  'the model %j does not exist on %s',
  async (name, _path, route) => {
    const body = JSON.stringify(route.good).replace('test-model', name)
    const answer = await besieged.ask(spell(route, { body }))
    expectRefusal(answer, { status: 404, code: 'model_not_found', param: 'model' })
    expect(answer.headers.has('x-injected')).toBe(false)
    expect(answer.headers.has('x-podgate-model')).toBe(false)
  },
)

/* biome-ignore format: a table reads as a table */
const numbers: [field: string, value: string][] = [
  ['max_tokens', '1e999'], ['max_tokens', '-1'], ['max_tokens', '1.5'], ['max_tokens', '"16"'], ['max_tokens', `1${'0'.repeat(100_000)}`],
  ['temperature', '1e999'], ['temperature', '-1e999'], ['n', '1e9'], ['n', '9007199254740993'], ['top_p', '"hostile-text"'],
]

test.each(onEach(modelRoutes.slice(0, 2), numbers))(
  'a bad %s is refused on %s',
  async (field, _path, route, [, value]) => {
    const body = withMember(`"${field}":${value}`)(JSON.stringify(route.good))
    expectRefusal(await besieged.ask(spell(route, { body })), { status: 400, param: field })
  },
)

test('an integer beyond all numbers is told the largest of them', async () => {
  const body = withMember('"max_tokens":99999999999999999999')(JSON.stringify(chatRoute.good))
  const answer = await besieged.ask(spell(chatRoute, { body }))
  expectRefusal(answer, { status: 400, param: 'max_tokens' })
  expect(JSON.parse(answer.body).error.message).toContain('at most 9007199254740991')
})

/* biome-ignore format: a table reads as a table */
const harmless: [what: string, body: Body][] = [
  ['__proto__ beside the rest',     withMember('"__proto__":{"polluted":true}')],
  ['constructor beside the rest',   withMember('"constructor":{"prototype":{"polluted":true}}')],
  ['a whole pair',                  withMember('"x":"\\ud83d\\ude00"')],
  ['half a pair that is only spoken of', withMember('"x":"\\\\ud83d"')],
  ['a number of many digits',       withMember(`"x":${'9'.repeat(1000)}`)],
  ['a name of many letters',        withMember(`"${'x'.repeat(100_000)}":1`)],
  ['many brackets within a text',   withMember(`"x":"${'[{'.repeat(200_000)}"`)],
  ['many blanks',                   (good) => `${' '.repeat(100_000)}${good}${'\n'.repeat(100_000)}`],
]

test.each(onEach(modelRoutes, harmless))(
  '%s is let through on %s',
  async (_what, _path, route, [, body]) => {
    const answer = await besieged.ask(spell(route, { body: body(JSON.stringify(route.good)) }))
    expect({ status: answer.status, body: answer.body }).toMatchObject({ status: 200 })
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  },
)

describe('admin bodies', () => {
  /* biome-ignore format: a table reads as a table */
  test.each([
    ['__proto__',        '{"__proto__":{"name":"x","scopes":["admin"]}}'],
    ['an unknown field', '{"name":"x","hostile-text":1}'],
    ['a deep one',       `{"name":${'['.repeat(5000)}${']'.repeat(5000)}}`],
    ['a name of objects', '{"name":{"toString":1}}'],
  ])('%s is refused', async (_what, body) => {
    expectRefusal(await besieged.ask(spell(adminRoute, { body })), { status: 400 }, 'polluted')
  })
})
