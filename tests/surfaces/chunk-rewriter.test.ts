// What is worked out once for a stream must give what working it out for each chunk would.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dropped, rewrite } from '#src/surfaces/answer-rules.ts'
import { createChunkRewriter } from '#src/surfaces/chunk-rewriter.ts'

const always = new Map([
  ['model', '"ours"'],
  ['usage', null],
])
const rules = [dropped('secret')]

const value = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant({ a: ['"', 1] }))
const chunk = fc.record(
  {
    id: fc.constantFrom('one', 'two'),
    object: fc.constant('chunk'),
    created: fc.constantFrom(1, 2),
    model: fc.constantFrom('theirs', 'a"b'),
    secret: value,
    choices: fc.array(value, { maxLength: 2 }),
    usage: value,
    extra: value,
  },
  { requiredKeys: [] },
)

test('every chunk of any stream is written as if it were the only one', () => {
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 6 }), fc.constantFrom(undefined, 1), (chunks, gap) => {
      const chunkRewriter = createChunkRewriter(always)
      for (const one of chunks) {
        const text = JSON.stringify(one, null, gap)
        expect(chunkRewriter.rewrite(text, one, rules)).toBe(rewrite(text, one, rules, always))
      }
    }),
  )
})

test('a chunk that lacks its model gets it, whatever the others had', () => {
  const { rewrite: write } = createChunkRewriter(always)
  const texts = ['{"id":1,"choices":[]}', '{"id":1,"choices":[1],"usage":2}', '{"choices":[2]}']
  expect(texts.map((text) => write(text, JSON.parse(text), rules))).toEqual([
    '{"id":1,"choices":[],"model":"ours"}',
    '{"id":1,"choices":[1],"model":"ours"}',
    '{"choices":[2],"model":"ours"}',
  ])
})

test('what stands in the common beginning is not added again at the end', () => {
  const { rewrite: write } = createChunkRewriter(always)
  const texts = ['a', 'b', 'c'].map((text) => `{"id":1,"model":"theirs","choices":["${text}"]}`)
  expect(texts.map((text) => write(text, JSON.parse(text), rules))).toEqual(
    texts.map((text) => text.replace('theirs', 'ours')),
  )
})
