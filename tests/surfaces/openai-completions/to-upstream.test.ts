// A completion on its way to an upstream: the client's own bytes with a few members changed.
import { describe, expect, test } from 'vitest'
import type { ModelPolicy } from '#src/domain/index.ts'
import { callOf, surfaceNamed } from '../../support/surface-call.ts'
import { tenantFields } from '../../support/tenant-fields.ts'

const completions = surfaceNamed('openai-completions')
const plain = { model: 'served', prompt: 'Once', max_tokens: 16 }

function sent(given: Record<string, unknown>, policy?: Partial<ModelPolicy>, dialect = 'vllm') {
  const call = callOf(completions, { model: 'asked', prompt: 'Once', ...given })
  const ask = completions.toUpstream(call, { dialect, servedName: 'served', policy })
  expect(ask.path).toBe('/v1/completions')
  return JSON.parse(ask.body.toString())
}

/* biome-ignore format: a table reads as a table */
describe('the bound on what is generated', () => {
  test.each([
    ['is OpenAI’s own where none is named',       {},                    undefined,                                    16],
    ['is so where null is named',                 { max_tokens: null },  undefined,                                    16],
    ['is the model’s where the model has one',    {},                    { completionTokens: 64 },                     64],
    ['is capped by the model’s cap',              {},                    { completionTokens: 64, outputTokensMax: 8 }, 8],
    ['is the client’s where it names one',        { max_tokens: 5 },     { completionTokens: 64 },                     5],
    ['is the client’s up to the model’s cap',     { max_tokens: 500 },   { outputTokensMax: 100 },                     100],
    ['may be nothing at all',                     { max_tokens: 0, echo: true }, undefined,                            0],
  ])('%s', (_what, given, policy, expected) => {
    expect(sent(given, policy).max_tokens).toBe(expected)
  })
})

const heldBack = [...tenantFields, 'chat_template_kwargs', 'best_of']

test('the list names all that is held back', () => {
  expect([...completions.fields.stripped].sort()).toEqual(heldBack.toSorted())
})

test.each(heldBack)('%s does not pass', (name) => {
  const value = name === 'best_of' ? 1 : 'x'
  expect(sent({ [name]: value })).toEqual(plain)
})

test('what the table does not name passes', () => {
  const given = { echo: true, logprobs: 5, ignore_eos: true, suffix: 'end', some_new_thing: [1] }
  expect(sent(given)).toEqual({ ...plain, ...given })
})

test('a salt passes only where the model says so', () => {
  expect(sent({ cache_salt: 's' })).toEqual(plain)
  expect(sent({ cache_salt: 's' }, { cacheSalt: true })).toEqual({ ...plain, cache_salt: 's' })
})

test.each([
  ['vllm', { include_usage: true, continuous_usage_stats: true }],
  ['openai', { include_usage: true }],
])('usage of a stream is always asked of %s', (dialect, expected) => {
  expect(sent({ stream: true }, undefined, dialect).stream_options).toEqual(expected)
  expect(sent({ stream: false }, undefined, dialect)).not.toHaveProperty('stream_options')
})
