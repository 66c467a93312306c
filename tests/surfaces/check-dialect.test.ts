// What a server of one dialect would refuse or not understand is refused before it is sent.
import { describe, expect, test } from 'vitest'
import type { ModelPolicy } from '#src/domain/index.ts'
import { callOf, refusalOf, surfaceNamed } from '../support/surface-call.ts'

const bodies = {
  'openai-chat': { messages: [{ role: 'user', content: 'Hi' }] },
  'openai-completions': { prompt: 'Hi' },
  embeddings: { input: 'Hi' },
}

function sent(
  name: keyof typeof bodies,
  given: Record<string, unknown>,
  dialect: string,
  policy: Partial<ModelPolicy> = {},
) {
  const surface = surfaceNamed(name)
  const call = callOf(surface, { model: 'served', ...bodies[name], ...given })
  const { body } = surface.toUpstream(call, { dialect, servedName: 'served', policy })
  return JSON.parse(body.toString())
}

/* biome-ignore format: a table reads as a table */
describe('to a server that speaks OpenAI’s dialect', () => {
  test.each([
    ['openai-chat',        'top_k',                5],
    ['openai-chat',        'min_p',                0.1],
    ['openai-chat',        'structured_outputs',   { regex: 'a' }],
    ['openai-chat',        'chat_template_kwargs', { enable_thinking: true }],
    ['openai-chat',        'include_reasoning',    true],
    ['openai-chat',        'some_new_thing',       { a: 1 }],
    ['openai-chat',        'prompt',               'Hi'],
    ['openai-completions', 'top_k',                5],
    ['openai-completions', 'messages',             []],
    ['openai-completions', 'tools',                []],
    ['embeddings',         'truncate_prompt_tokens', 5],
    ['embeddings',         'temperature',          0],
  ] as const)('%s: `%s` is refused by name', (surface, param, value) => {
    const fault = refusalOf(() => sent(surface, { [param]: value }, 'openai'))
    expect(fault).toMatchObject({ kind: 'bad_request', param, started: 'no' })
    expect(fault.message).toContain(`'${param}'`)
  })

  test('a format of vLLM’s own is refused by name', () => {
    const given = { response_format: { type: 'structural_tag', structures: [], triggers: [] } }
    expect(refusalOf(() => sent('openai-chat', given, 'openai')).param).toBe('response_format.type')
    expect(sent('openai-chat', given, 'vllm')).toMatchObject(given)
  })

  test('an odd name is refused without repeating it', () => {
    const fault = refusalOf(() => sent('openai-chat', { 'secret canary': 1 }, 'openai'))
    expect(fault).toMatchObject({ kind: 'bad_request', param: null })
    expect(fault.message).not.toContain('canary')
  })

  test('a salt that the model allows is refused all the same', () => {
    const policy = { cacheSalt: true }
    expect(sent('openai-chat', { cache_salt: 's' }, 'openai')).not.toHaveProperty('cache_salt')
    const refused = refusalOf(() => sent('openai-chat', { cache_salt: 's' }, 'openai', policy))
    expect(refused).toMatchObject({ param: 'cache_salt' })
  })

  test('what is never passed on is left out as ever, and so is what is null', () => {
    const given = { user: 'u', priority: 5, provider: {}, chat_template: 'x', top_k: null, new_thing: null }
    expect(sent('openai-chat', given, 'openai')).toEqual({ model: 'served', ...bodies['openai-chat'] })
    const more = { best_of: 2, n: 2, user: 'u', max_tokens: 5 }
    expect(sent('openai-completions', more, 'openai')).toEqual({ model: 'served', prompt: 'Hi', n: 2, max_tokens: 5 })
    expect(sent('embeddings', { stream: true, messages: [] }, 'openai')).toEqual({ model: 'served', input: 'Hi' })
  })

  test('OpenAI’s own list passes', () => {
    const chat = {
      frequency_penalty: 1, presence_penalty: 1, logit_bias: {}, logprobs: true, top_logprobs: 1, max_tokens: 5,
      max_completion_tokens: 5, n: 2, modalities: ['text'], audio: { voice: 'x' }, seed: 1, stop: ['a'],
      temperature: 0, top_p: 1, tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'auto',
      parallel_tool_calls: true, functions: [], function_call: 'auto', response_format: { type: 'text' },
      reasoning_effort: 'low', verbosity: 'low', prompt_cache_key: 'k', prompt_cache_retention: '24h',
    }
    expect(sent('openai-chat', chat, 'openai')).toMatchObject(chat)
    const completion = { echo: true, logprobs: 1, suffix: 'x', stop: 'a', seed: 1, stream: true }
    expect(sent('openai-completions', completion, 'openai')).toMatchObject(completion)
    const embedding = { encoding_format: 'float', dimensions: 5 }
    expect(sent('embeddings', embedding, 'openai')).toMatchObject(embedding)
  })

  test('to vLLM the same go on', () => {
    const given = { top_k: 5, min_p: 0.1, some_new_thing: { a: 1 }, 'secret canary': 1 }
    expect(sent('openai-chat', given, 'vllm')).toMatchObject(given)
  })
})

/* biome-ignore format: a table reads as a table */
describe('what vLLM surely refuses', () => {
  test.each([
    ['openai-chat',        'n',          { n: 2, temperature: 0 }],
    ['openai-completions', 'n',          { n: 2, temperature: 0, prompt: ['a', 'b'] }],
    ['openai-chat',        'n',          { n: 2, temperature: 0, stream: true }],
    ['openai-chat',        'min_tokens', { min_tokens: 6, max_tokens: 5 }],
    ['openai-chat',        'min_tokens', { min_tokens: 6, max_completion_tokens: 5, max_tokens: 9 }],
    ['openai-completions', 'min_tokens', { min_tokens: 17 }],
    ['openai-completions', 'min_tokens', { min_tokens: 2, max_tokens: 0, echo: true }],
  ] as const)('%s: `%s` of %j is refused by name', (surface, param, given) => {
    const fault = refusalOf(() => sent(surface, given, 'vllm'))
    expect(fault).toMatchObject({ kind: 'bad_request', param, started: 'no' })
  })

  test('least tokens above the model’s cap are refused', () => {
    const refused = refusalOf(() => sent('openai-chat', { min_tokens: 6 }, 'vllm', { outputTokensMax: 5 }))
    expect(refused.param).toBe('min_tokens')
  })

  test.each([
    ['openai-chat',        { n: 1, temperature: 0 }],
    ['openai-chat',        { n: 2, temperature: 0.01 }],
    ['openai-chat',        { n: 2 }],
    ['openai-chat',        { min_tokens: 5, max_tokens: 5 }],
    ['openai-chat',        { min_tokens: 6, max_completion_tokens: 7, max_tokens: 5 }],
    ['openai-chat',        { min_tokens: 4000 }],
    ['openai-completions', { n: 1, temperature: 0, prompt: ['a', 'b'] }],
    ['openai-completions', { min_tokens: 1, max_tokens: 0, echo: true }],
  ] as const)('%s: %j passes', (surface, given) => {
    expect(sent(surface, given, 'vllm')).toMatchObject(given)
  })

  test('is for OpenAI to decide elsewhere', () => {
    const given = { n: 2, temperature: 0 }
    expect(sent('openai-chat', given, 'openai')).toMatchObject(given)
  })
})
