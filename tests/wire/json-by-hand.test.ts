// V8 takes a name with an escape for another one that it has seen in that place, whoever sent it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readByHand } from '#src/wire/index.ts'

/** What a name is taken for was in the same place of an object before. */
function prime(before: string, name: string): void {
  JSON.parse(`{${before}${JSON.stringify(name)}:1}`)
}

const hex = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

test.each(['n', 'model', 'prompt_logprobs', 'stream', 'image_url', 'a"b', 'é'])(
  'the name %j is read as itself, whatever was read before',
  (name) => {
    const written = `${name.slice(0, -1).replaceAll('"', '\\"')}${hex(name.slice(-1))}`
    prime('"q7":1,', `${name.slice(0, -1)}\\`)
    const text = `{"q7":1,"${written}":{"x":1}}`
    expect(readByHand(text)).toEqual({ q7: 1, [name]: { x: 1 } })
  },
)

test('what is read by hand is what is parsed', () => {
  const gap = fc.constantFrom('', ' ', '\n')
  fc.assert(
    fc.property(fc.jsonValue(), gap, (value, space) => {
      const text = space + JSON.stringify(value, null, space) + space
      expect(readByHand(text)).toEqual(JSON.parse(text))
    }),
    { numRuns: 500 },
  )
  const proto = readByHand('{"__proto__":{"a":1}}')
  expect(Object.getPrototypeOf(proto)).toBe(Object.prototype)
  expect(Object.keys(proto as object)).toEqual(['__proto__'])
})
