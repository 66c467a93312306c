// An answer comes under the name that was asked for. The short way there must not be misled.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rewrite } from '#src/surfaces/answer-rules.ts'
import { modelName, renamed } from '#src/surfaces/model-name.ts'

const ours = modelName('ours')

/* biome-ignore format: a table reads as a table */
test.each([
  ['the usual answer',           '{"id":1,"model":"theirs","a":[2]}', '{"id":1,"model":"ours","a":[2]}'],
  ['an answer with spaces',      '{ "model" : "theirs" }',            '{ "model" : "ours" }'],
  ['a name that is right',       '{"model": "ours" }',                '{"model": "ours" }'],
  ['a name with a slash',        '{"model":"a/b"}',                   '{"model":"ours"}'],
  ['content with the word in it', '{"a":"the \\"model\\" is","model":"x"}', '{"a":"the \\"model\\" is","model":"ours"}'],
])('%s is renamed where its name stands', (_what, text, expected) => {
  expect(renamed(text, JSON.parse(text).model, ours)).toBe(expected)
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['no model',                   '{"id":1}'],
  ['a model that is no text',    '{"model":1}'],
  ['its model twice',            '{"model":"a","model":"b"}'],
  ['another model inside',       '{"a":{"model":"b"},"model":"c"}'],
  ['a letter as a number',       '{"model":"a","m\\u006fdel":"ours"}'],
  ['an escape in its name',      '{"model":"a\\/b"}'],
  ['a quote in its name',        '{"model":"a\\"b"}'],
  ['content that ends in it',    '{"a":"a \\"model","model":"b"}'],
])('an answer with %s takes a closer look', (_what, text) => {
  expect(renamed(text, JSON.parse(text).model, ours)).toBeNull()
})

const names = fc.constantFrom('model', 'id', 'a"model', 'mod\\el', 'mödel', 'model"')
const value = fc.oneof(
  fc.constantFrom('model', 'theirs', 'ours', '"model":"x"', 'a"model', '\u0001', 7, null),
  fc.string(),
  fc.dictionary(names, fc.string(), { maxKeys: 2 }),
)

test('what the short way gives says the same as the long way', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(names, value), { maxLength: 4 }), (pairs) => {
      // Written by hand: a member may be given twice.
      const members = pairs.map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`)
      const text = `{${members.join(',')}}`
      const object = JSON.parse(text)
      const short = renamed(text, object.model, ours)
      if (short === null) return
      const long = rewrite(text, object, [], ours.whole)
      // The long way leaves out what is given twice and does not count.
      const isTwice = members.length > Object.keys(object).length
      if (isTwice) expect(JSON.parse(short)).toEqual(JSON.parse(long))
      else expect(short).toBe(long)
    }),
    { numRuns: 2000 },
  )
})

test('a name is worked out once, and no more names are kept than anybody has', () => {
  const latest = modelName('latest')
  expect(modelName('latest')).toBe(latest)
  for (let at = 0; at < 600; at += 1) expect(modelName(`m${at}`).json).toBe(`"m${at}"`)
  expect(modelName('latest')).not.toBe(latest)
  expect(modelName('latest')).toEqual(latest)
})
