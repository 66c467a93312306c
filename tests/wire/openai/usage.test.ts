// OpenAI's `usage` is read from what an upstream sent, however odd, and written for clients.
import { expect, test } from 'vitest'
import { readUsage, writeUsage } from '#src/wire/index.ts'

const details = (cached: unknown) => ({ prompt_tokens_details: { cached_tokens: cached } })

/* biome-ignore format: a table reads as a table */
test.each([
  ['a chat’s',               { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 },         [11, 5, 0]],
  ['zero is a number',       { prompt_tokens: 0, completion_tokens: 0 },                            [0, 0, 0]],
  ['an embedding’s',         { prompt_tokens: 11, total_tokens: 11 },                               [11, 0, 0]],
  ['with a cached part',     { prompt_tokens: 11, completion_tokens: 5, ...details(4) },            [11, 5, 4]],
  ['with details of null',   { prompt_tokens: 11, completion_tokens: 5, prompt_tokens_details: null }, [11, 5, 0]],
  ['more cached than sent',  { prompt_tokens: 11, completion_tokens: 5, ...details(99) },           [11, 5, 11]],
  ['a cached part of text',  { prompt_tokens: 11, completion_tokens: 5, ...details('4') },          [11, 5, 0]],
  ['half a completion',      { prompt_tokens: 11, completion_tokens: 2.5 },                         [11, 0, 0]],
] as const)('reads usage: %s', (_what, value, [promptTokens, completionTokens, cachedTokens]) => {
  expect(readUsage(value, 'reported')).toEqual({
    promptTokens,
    completionTokens,
    cachedTokens,
    source: 'reported',
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['absent', undefined], ['null', null], ['a list', []], ['a number', 3], ['empty', {}],
  ['negative', { prompt_tokens: -1 }], ['text', { prompt_tokens: '3' }],
  ['not whole', { prompt_tokens: 1.5 }], ['beyond counting', { prompt_tokens: 2 ** 60 }],
])('reads no usage where it is %s', (_what, value) => {
  expect(readUsage(value, 'running')).toBeNull()
})

test('says how the usage is known', () => {
  expect(readUsage({ prompt_tokens: 1 }, 'running')?.source).toBe('running')
})

test('writes usage in OpenAI’s names, with the total', () => {
  const usage = {
    promptTokens: 11,
    completionTokens: 5,
    cachedTokens: 4,
    source: 'running',
  } as const
  expect(writeUsage(usage)).toBe('{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}')
})
