// The `repr` of a Python dict is read back, and no other text is taken for one. Random dicts are
// written by our own `pythonRepr` and read again.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pythonRepr, readPythonDict, vllmRefusedError } from '#src/wire/runpod/index.ts'

/** Every text there is, lone surrogates among them. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom("'", '"', '\\', '\n', '\r', '\t', 'n', '\ud83d', '\u0000', '{'))
    .map((units) => units.join('')),
)

const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constant(null),
    fc.boolean(),
    // Python has no negative zero among its integers.
    fc.double({ noNaN: true }).map((n) => (n === 0 ? 0 : n)),
    fc.integer(),
    anyText,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(anyText, tie('value'), { maxKeys: 4 }),
  ),
})).value

const anyDict = fc.dictionary(anyText, anyValue, { maxKeys: 5, noNullPrototype: true })

test('reads back whatever was written', () => {
  fc.assert(
    fc.property(anyDict, (dict) => {
      expect(readPythonDict(pythonRepr(dict))).toEqual(dict)
    }),
    { numRuns: 500 },
  )
})

test('a text that is cut anywhere, or goes on, is no dict', () => {
  const text = pythonRepr({
    message: 'it\'s "so"\n\u0000',
    list: [1, 2.5, null],
    inner: { a: true },
  })
  for (let end = 0; end < text.length; end += 1) {
    expect(readPythonDict(text.slice(0, end)), text.slice(0, end)).toBeNull()
  }
  expect(readPythonDict(`${text} `)).toBeNull()
  expect(readPythonDict(` ${text}`)).toBeNull()
  expect(readPythonDict(text)).not.toBeNull()
})

test('reads the error of a worker, with a server’s answer quoted inside', () => {
  const body = '{"error":{"message":"This model\'s context\\nis \\"short\\""}}'
  expect(readPythonDict(vllmRefusedError(400, body))).toEqual({
    message: `vLLM returned HTTP 400: ${body}`,
    type: 'worker_error',
    code: null,
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['{}',                               {}],
  ["{'a': []}",                        { a: [] }],
  ["{'a': -1, 'b': 1.5e-07}",          { a: -1, b: 1.5e-7 }],
  ["{'a': nan, 'b': -inf}",            { a: Number.NaN, b: Number.NEGATIVE_INFINITY }],
  ["{'a': '\\u2028\\U000e0001\\x7f'}", { a: '\u2028\u{e0001}\u007f' }],
  ["{'a': \"it's\"}",                  { a: "it's" }],
])('reads %s', (text, expected) => {
  expect(readPythonDict(text)).toEqual(expected)
})

test('a member that is called like a prototype is a member like any other', () => {
  const dict = readPythonDict("{'__proto__': {'polluted': True}}")
  expect(Object.keys(dict ?? {})).toEqual(['__proto__'])
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['JSON',                     '{"a":1}'],
  ['JSON’s own words',         "{'a': null}"],
  ['a list',                   "['a']"],
  ['a text',                   "'a'"],
  ['nothing',                  ''],
  ['a name that is no text',   '{1: 2}'],
  ['a comma at the end',       "{'a': 1,}"],
  ['no space',                 "{'a':1}"],
  ['a tuple',                  "{'a': (1, 2)}"],
  ['bytes',                    "{'a': b'x'}"],
  ['a call',                   "{'a': exit()}"],
  ['an object',                "{'a': <Thing at 0x7f>}"],
  ['an unknown escape',        "{'a': '\\q'}"],
  ['half an escape',           "{'a': '\\x1'}"],
  ['a code beyond the last',   "{'a': '\\U00110000'}"],
  ['a line end within a text', "{'a': 'x\ny'}"],
  ['a number with two points', "{'a': 1.2.3}"],
  ['nesting without end',      `${"{'a': ".repeat(100_000)}1${'}'.repeat(100_000)}`],
])('%s is no dict', (_what, text) => {
  expect(readPythonDict(text)).toBeNull()
})

test('a long text is read in one go', () => {
  const message = `${'x'.repeat(100)}'"\n`.repeat(2_000)
  expect(readPythonDict(pythonRepr({ message }))).toEqual({ message })
})
