// What only some models allow: refused before anything is reserved, named by its place in the body.
import { describe, expect, test } from 'vitest'
import type { ModelPolicy } from '#src/domain/index.ts'
import { checkModel } from '#src/surfaces/index.ts'
import { callOf, refusalOf, surfaceNamed } from '../support/surface-call.ts'

const chat = surfaceNamed('openai-chat')
const image = (url: unknown) => ({ type: 'image_url', image_url: { url } })

function check(given: Record<string, unknown>, policy?: Partial<ModelPolicy>) {
  const call = callOf(chat, { model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...given })
  const model = { contextTokens: 1000, ...(policy === undefined ? {} : { policy }) }
  checkModel(call, model)
  const ask = chat.toUpstream(call, { dialect: 'vllm', servedName: 'served', policy })
  return JSON.parse(ask.body.toString())
}

function saying(...parts: unknown[]) {
  return {
    messages: [
      { role: 'system', content: 'Look.' },
      { role: 'user', content: parts },
    ],
  }
}

/* biome-ignore format: a table reads as a table */
describe('content that is elsewhere', () => {
  const text = { type: 'text', text: 'What is it?' }
  test.each([
    ['https',             [text, image('https://example.com/a.png')],           'messages[1].content[1].image_url'],
    ['http',              [image('http://10.0.0.1/a.png')],                     'messages[1].content[0].image_url'],
    ['a shouted scheme',  [image('HTTPS://example.com/a.png')],                 'messages[1].content[0].image_url'],
    ['a bare text',       [{ type: 'image_url', image_url: 'https://a.b/c' }],  'messages[1].content[0].image_url'],
    ['a part of no type', [{ image_url: { url: 'https://a.b/c' } }],            'messages[1].content[0].image_url'],
    ['a video',           [{ type: 'video_url', video_url: { url: 'https://a.b/c' } }], 'messages[1].content[0].video_url'],
    ['a sound',           [{ type: 'audio_url', audio_url: { url: 'https://a.b/c' } }], 'messages[1].content[0].audio_url'],
    ['the responses’ form', [{ type: 'input_image', image_url: 'https://a.b/c' }], 'messages[1].content[0].image_url'],
  ])('%s is refused by default and passes where the model allows it', (_what, parts, param) => {
    expect(refusalOf(() => check(saying(...parts)))).toMatchObject({ kind: 'bad_request', param })
    expect(check(saying(...parts), { remoteMedia: true }).messages[1].content).toEqual(parts)
  })

  test('is refused outside a list of parts, by every model', () => {
    const messages = [{ role: 'user', content: image('http://10.0.0.1/a.png') }]
    const param = 'messages[0].content'
    const policy = { remoteMedia: true }
    expect(refusalOf(() => check({ messages }, policy))).toMatchObject({ param })
  })

  test.each([
    ['a file of the server',  image('file:///etc/passwd')],
    ['another protocol',      image('ftp://example.com/a.png')],
    ['a path',                image('/etc/passwd')],
    ['a space before',        image(' https://example.com/a.png')],
    ['no text',               image(5)],
  ])('%s is refused by every model', (_what, part) => {
    const param = 'messages[1].content[0].image_url'
    for (const remoteMedia of [false, true]) {
      expect(refusalOf(() => check(saying(part), { remoteMedia }))).toMatchObject({ param })
    }
  })

  test('what is in the body itself passes', () => {
    const part = image('data:image/png;base64,iVBORw0KGgo=')
    expect(check(saying(part)).messages[1].content).toEqual([part])
  })
})

/* biome-ignore format: a table reads as a table */
describe('content that only stands for content', () => {
  const cached = { type: 'image_url', image_url: null, uuid: 'somebody-else’s' }
  test.each([
    ['an image of the server’s cache', cached,                                                    'uuid'],
    ['a sound of the server’s cache',  { type: 'input_audio', input_audio: null, uuid: 'x' },     'uuid'],
    ['an image to be cached',          { ...image('data:image/png;base64,iVBORw0KGgo='), uuid: 'x' }, 'uuid'],
    ['tensors of an image',            { type: 'image_embeds', image_embeds: 'AAAA' },            'image_embeds'],
    ['tensors by name',                { type: 'image_embeds', image_embeds: { a: 'AAAA' } },     'image_embeds'],
    ['tensors of a sound',             { type: 'audio_embeds', audio_embeds: 'AAAA' },            'audio_embeds'],
    ['a pickled image',                { type: 'image_pil', image_pil: 'AAAA' },                  'image_pil'],
  ])('%s is refused by default and passes where the model allows it', (_what, part, name) => {
    const param = `messages[1].content[0].${name}`
    expect(refusalOf(() => check(saying(part)))).toMatchObject({ kind: 'bad_request', param })
    expect(check(saying(part), { trustedMedia: true }).messages[1].content).toEqual([part])
  })

  test('is not what a null stands for', () => {
    const part = { type: 'text', text: 'x', uuid: null, image_embeds: null }
    expect(check(saying(part)).messages[1].content).toEqual([part])
  })
})

describe('arguments of the chat template', () => {
  const thinking = { chat_template_kwargs: { enable_thinking: false } }
  const builtin = { chat_template_kwargs: { builtin_tools: ['x'] } }

  test('pass where they are on the model’s list', () => {
    expect(check(thinking)).toMatchObject(thinking)
    expect(check(builtin, { templateArguments: ['builtin_tools'] })).toMatchObject(builtin)
  })

  test('are refused by name elsewhere, with what is allowed', () => {
    const fault = refusalOf(() => check(builtin))
    expect(fault).toMatchObject({ param: 'chat_template_kwargs.builtin_tools' })
    expect(fault.message).toContain('enable_thinking')
    const none = refusalOf(() => check(thinking, { templateArguments: [] }))
    expect(none.param).toBe('chat_template_kwargs.enable_thinking')
  })

  test('with odd names are refused without repeating them', () => {
    const odd = refusalOf(() => check({ chat_template_kwargs: { 'secret canary': 1 } }))
    expect(odd.param).toBe('chat_template_kwargs')
    expect(odd.message).not.toContain('canary')
  })
})

describe('the bound on what is generated', () => {
  test.each(['max_tokens', 'max_completion_tokens'])('%s fits into the context', (param) => {
    expect(check({ [param]: 1000 })).toMatchObject({ [param]: 1000 })
    expect(refusalOf(() => check({ [param]: 1001 }))).toMatchObject({ kind: 'bad_request', param })
  })

  test('is capped where the model says so', () => {
    const policy = { outputTokensMax: 100 }
    expect(check({ max_tokens: 500, max_completion_tokens: 50 }, policy)).toMatchObject({
      max_tokens: 100,
      max_completion_tokens: 50,
    })
    expect(check({}, policy)).toMatchObject({ max_completion_tokens: 100 })
    expect(check({})).not.toHaveProperty('max_completion_tokens')
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['openai-completions', 'prompt', (tokens: number) => Array(tokens).fill(5),           'prompt'],
  ['openai-completions', 'prompt', (tokens: number) => [[5], Array(tokens).fill(5), [6]], 'prompt[1]'],
  ['embeddings',         'input',  (tokens: number) => Array(tokens).fill(5),           'input'],
  ['embeddings',         'input',  (tokens: number) => [Array(tokens).fill(5)],         'input[0]'],
] as const)('%s: what is sent as tokens must fit into the context', (name, field, sent, param) => {
  const asking = (tokens: number) => callOf(surfaceNamed(name), { model: 'm', [field]: sent(tokens) })
  const model = { contextTokens: 1000 }
  expect(() => checkModel(asking(1000), model)).not.toThrow()
  const fault = refusalOf(() => checkModel(asking(1001), model))
  expect(fault).toMatchObject({ kind: 'context_too_long', param })
  expect(fault.message).toContain('1000 tokens')
})

test('a salt of the prefix cache passes only where the model says so', () => {
  expect(check({ cache_salt: 's' })).not.toHaveProperty('cache_salt')
  expect(check({ cache_salt: 's' }, { cacheSalt: true })).toMatchObject({ cache_salt: 's' })
})
