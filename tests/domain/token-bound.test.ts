// The most tokens that a call may take: what is reserved for it, and what is believed of its answer.
import { describe, expect, test } from 'vitest'
import { tokenBound } from '#src/domain/index.ts'
import { callOf, surfaceNamed } from '../support/surface-call.ts'

const chat = surfaceNamed('openai-chat')
const completions = surfaceNamed('openai-completions')
const embeddings = surfaceNamed('embeddings')
const model = { contextTokens: 4096 }
const said = (content: unknown) => ({ model: 'm', messages: [{ role: 'user', content }] })
const image = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }]

describe('of a text', () => {
  test('is its bytes and what a template adds, and never more than the context', () => {
    const short = callOf(chat, said('Hi'))
    expect(tokenBound(short, model).prompt).toBe(short.body.bytes.length + 1024)
    expect(tokenBound(short, { ...model, policy: { templateTokens: 10 } }).prompt).toBe(
      short.body.bytes.length + 10,
    )
    expect(tokenBound(callOf(chat, said('多'.repeat(2000))), model).prompt).toBe(4096)
  })

  test('of several prompts is the context for each at most', () => {
    const prompt = ['x'.repeat(5000), 'x'.repeat(5000), 'x']
    expect(tokenBound(callOf(completions, { model: 'm', prompt }), model).prompt).toBe(11_058)
    const long = ['x'.repeat(9000), 'x'.repeat(9000)]
    expect(tokenBound(callOf(completions, { model: 'm', prompt: long }), model).prompt).toBe(8192)
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['one list',   [1, 2, 3],          3],
  ['two lists',  [[1, 2], [3, 4, 5]], 5],
])('of tokens in %s is their number', (_what, prompt, tokens) => {
  expect(tokenBound(callOf(completions, { model: 'm', prompt }), model).prompt).toBe(tokens)
  expect(tokenBound(callOf(embeddings, { model: 'm', input: prompt }), model).prompt).toBe(tokens)
})

test('with media is the context, whatever they weigh', () => {
  expect(tokenBound(callOf(chat, said(image)), model).prompt).toBe(4096)
})

/* biome-ignore format: a table reads as a table */
test.each<[string, typeof chat, Record<string, unknown>, Record<string, unknown>, number]>([
  ['an answer without a bound: the context',      chat,        said('Hi'),                              {},                       4096],
  ['that the model bounds',                       chat,        said('Hi'),                              { outputTokensMax: 50 },  50],
  ['with a bound of its own',                     chat,        { ...said('Hi'), max_tokens: 7 },        {},                       7],
  ['that the model’s lowers',                     chat,        { ...said('Hi'), max_tokens: 70 },       { outputTokensMax: 50 },  50],
  ['of several choices: each',                    chat,        { ...said('Hi'), max_tokens: 7, n: 8 },  {},                       56],
  ['a completion without one: the usual number',  completions, { model: 'm', prompt: 'Hi' },            { completionTokens: 30 }, 30],
  ['for each prompt',                             completions, { model: 'm', prompt: ['a', 'b'], n: 2 }, {},                      64],
  ['only an echo: one, which vLLM counts',        completions, { model: 'm', prompt: 'Hi', echo: true, max_tokens: 0 }, {}, 1],
  ['an embedding: nothing',                       embeddings,  { model: 'm', input: ['a', 'b'] },       {},                       0],
])('of %s', (_what, surface, body, policy, tokens) => {
  expect(tokenBound(callOf(surface, body), { ...model, policy }).completion).toBe(tokens)
})
