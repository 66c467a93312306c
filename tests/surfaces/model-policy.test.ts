// What only some models allow: refused before anything is reserved, named by its place in the body.
import { describe, expect, test } from 'vitest'
import { type Capability, chatRoles, type ModelPolicy } from '#src/domain/index.ts'
import { checkModel } from '#src/surfaces/index.ts'
import { callOf, refusalOf, surfaceNamed } from '../support/surface-call.ts'

const chat = surfaceNamed('openai-chat')
const image = (url: unknown) => ({ type: 'image_url', image_url: { url } })

const reads: readonly Capability[] = ['vision', 'audio']

function check(
  given: Record<string, unknown>,
  policy?: Partial<ModelPolicy>,
  capabilities: readonly Capability[] = reads,
) {
  const call = callOf(chat, { model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...given })
  const model = { contextTokens: 1000, capabilities, ...(policy === undefined ? {} : { policy }) }
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
    ['a video',           [{ type: 'video_url', video_url: { url: 'https://a.b/c' } }], 'messages[1].content[0].video_url'],
    ['a sound',           [{ type: 'audio_url', audio_url: { url: 'https://a.b/c' } }], 'messages[1].content[0].audio_url'],
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
    ['a cached image without more',    { type: 'image_url', uuid: 'x' },                          'uuid'],
    ['tensors of a video',             { type: 'video_embeds', video_embeds: 'AAAA' },            'video_embeds'],
    ['tensors of an image',            { type: 'image_embeds', image_embeds: 'AAAA' },            'image_embeds'],
    ['tensors by name',                { type: 'image_embeds', image_embeds: { a: 'AAAA' } },     'image_embeds'],
    ['tensors of a sound',             { type: 'audio_embeds', audio_embeds: 'AAAA' },            'audio_embeds'],
    ['a pickled image',                { type: 'image_pil', image_pil: 'AAAA' },                  'image_pil'],
  ])('%s is refused by default and passes where the model allows it', (_what, part, name) => {
    const param = `messages[1].content[0].${name}`
    expect(refusalOf(() => check(saying(part)))).toMatchObject({ kind: 'bad_request', param })
    expect(check(saying(part), { trustedMedia: true }).messages[1].content).toEqual([part])
  })

  test('tensors of a prompt are named by their part', () => {
    const part = { type: 'prompt_embeds', data: 'AAAA' }
    const param = 'messages[1].content[0]'
    expect(refusalOf(() => check(saying(part)))).toMatchObject({ kind: 'bad_request', param })
    expect(check(saying(part), { trustedMedia: true }).messages[1].content).toEqual([part])
  })

  test('is not what a null stands for', () => {
    const part = { type: 'text', text: 'x', uuid: null, image_embeds: null }
    expect(check(saying(part)).messages[1].content).toEqual([part])
  })
})

const data = 'data:image/png;base64,iVBORw0KGgo='
const sound = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }

/* biome-ignore format: a table reads as a table */
describe('media for a model that cannot read them', () => {
  test.each([
    ['an image', image(data),                                          'vision'],
    ['a video',  { type: 'video_url', video_url: { url: data } },      'vision'],
    ['a sound',  sound,                                                'audio'],
    ['a sound by URL', { type: 'audio_url', audio_url: { url: data } }, 'audio'],
  ] as const)('%s is refused by its place, unless the model declares it', (_what, part, needed) => {
    const param = 'messages[1].content[1]'
    const given = saying({ type: 'text', text: 'Look.' }, part, part)
    const all = { remoteMedia: true, trustedMedia: true }
    const others = reads.filter((one) => one !== needed)
    expect(refusalOf(() => check(given, all, others))).toMatchObject({ kind: 'bad_request', param })
    expect(check(given, {}, [needed])).toMatchObject(given)
  })
})

/* biome-ignore format: a table reads as a table */
describe('a part or a media member that is smuggled in: parts pass by list', () => {
  test.each([
    ['a text',                  { type: 'text', text: 'Hi' }],
    ['a refusal',               { type: 'refusal', refusal: 'No.' }],
    ['a bare string',           'Hi'],
    ['a mark of others',        { type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }],
    ['a null of another kind',  { type: 'text', text: 'Hi', image_url: null, input_audio: null }],
  ])('%s passes for every model', (_what, part) => {
    expect(check(saying(part), {}, []).messages[1].content).toEqual([part])
  })

  test.each([
    ['a type of nobody',              { type: 'hologram', hologram: 'AAAA' }],
    ['the responses’ image',          { type: 'input_image', image_url: data }],
    ['the responses’ text',           { type: 'input_text', text: 'Hi' }],
    ['a thought',                     { type: 'thinking', thinking: 'Hm' }],
    ['a file',                        { type: 'file', file: { file_id: 'file-1' } }],
    ['no type',                       { image_url: { url: data } }],
    ['a text of no type',             { text: 'Hi' }],
    ['a list for a type',             { type: ['text'], text: 'Hi' }],
    ['a number',                      5],
    ['null',                          null],
    ['a list',                        [{ type: 'text', text: 'Hi' }]],
    ['an image in a text',            { type: 'text', text: 'Hi', image_url: { url: data } }],
    ['a sound in an image',           { ...image(data), input_audio: sound.input_audio }],
    ['a remote video in an image',    { ...image(data), video_url: { url: 'http://10.0.0.1/' } }],
    ['tensors in a text',             { type: 'text', text: 'Hi', prompt_embeds: 'AAAA' }],
    ['a pickled image in a refusal',  { type: 'refusal', refusal: 'No.', image_pil: 'AAAA' }],
  ])('%s is refused by its place, for every model', (_what, part) => {
    const all = { remoteMedia: true, trustedMedia: true }
    const param = 'messages[1].content[1]'
    const given = saying({ type: 'text', text: 'Hi' }, part)
    expect(refusalOf(() => check(given, all))).toMatchObject({ kind: 'bad_request', param })
  })

  test('ten thousand images ask for as little as one', () => {
    const { demands } = callOf(chat, { model: 'm', ...saying(...Array(10_000).fill(image('https://a.b/c'))) })
    expect(demands).toHaveLength(2)
  })
})

describe('who speaks', () => {
  const by = (...roles: string[]) => ({ messages: roles.map((role) => ({ role, content: 'Hi' })) })

  test('is one of OpenAI’s six', () => {
    expect(check(by(...chatRoles))).toMatchObject(by(...chatRoles))
    const fault = refusalOf(() => check(by('user', 'wizard', 'witch')))
    expect(fault).toMatchObject({ kind: 'bad_request', param: 'messages[1].role' })
    expect(fault.message).toContain('developer, system, user, assistant, tool, function')
    expect(fault.message).not.toContain('wizard')
  })

  test('may be another where the model says so', () => {
    const policy = { roles: ['wizard'] }
    expect(check(by('user', 'wizard'), policy)).toMatchObject(by('user', 'wizard'))
    const param = 'messages[2].role'
    expect(refusalOf(() => check(by('user', 'wizard', 'witch'), policy))).toMatchObject({ param })
  })

  test('is not somebody else in each of many messages', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => `r${at}`)
    const param = 'messages[16].role'
    expect(refusalOf(() => callOf(chat, { model: 'm', ...by(...many) }))).toMatchObject({ param })
  })
})

/* biome-ignore format: a table reads as a table */
describe('one call that asks for thousands of sequences', () => {
  const completions = surfaceNamed('openai-completions')
  const prompts = (count: number) => Array(count).fill('Hi')
  const refused = (surface: typeof chat, body: object, policy: Partial<ModelPolicy>) =>
    refusalOf(() => checkModel(callOf(surface, { model: 'm', ...body }), { contextTokens: 1000, capabilities: [], policy }))

  test.each([
    ['the usual, in prompts',     {},                   { prompt: prompts(65) },        'prompt'],
    ['the usual, in all',         {},                   { prompt: prompts(33), n: 2 },  'n'],
    ['prompts alone before all',  {},                   { prompt: prompts(1024), n: 8 }, 'prompt'],
    ['one of a small model',      { sequencesMax: 1 },  { prompt: 'Hi', n: 2 },         'n'],
  ])('more than %s: refused', (_what, policy, body, param) => {
    expect(refused(completions, body, policy)).toMatchObject({ kind: 'bad_request', param })
  })

  test('as many as there may be pass, and more where the model says so', () => {
    const model = { contextTokens: 1000, capabilities: [] }
    const many = callOf(completions, { model: 'm', prompt: prompts(1024), n: 8 })
    expect(() => checkModel(callOf(completions, { model: 'm', prompt: prompts(32), n: 2 }), model)).not.toThrow()
    expect(() => checkModel(many, { ...model, policy: { sequencesMax: 8192 } })).not.toThrow()
  })

  test('of a chat they are its choices', () => {
    const messages = [{ role: 'user', content: 'Hi' }]
    expect(refused(chat, { messages, n: 5 }, { sequencesMax: 4 })).toMatchObject({ param: 'n' })
  })

  test('inputs of embeddings are none', () => {
    const call = callOf(surfaceNamed('embeddings'), { model: 'm', input: prompts(2048) })
    expect(() => checkModel(call, { contextTokens: 1000, capabilities: [] })).not.toThrow()
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
      max_tokens: 50,
      max_completion_tokens: 50,
    })
    expect(check({}, policy)).toMatchObject({ max_completion_tokens: 100 })
    expect(check({})).not.toHaveProperty('max_completion_tokens')
  })
})

test('of two bounds, the one that a server might go by allows no more than was reserved', () => {
  const both = (max_tokens: number, max_completion_tokens: number) => {
    const body = { model: 'm', messages: [{ role: 'user', content: 'a' }], max_tokens }
    const call = callOf(surfaceNamed('openai-chat'), { ...body, max_completion_tokens })
    const sent = surfaceNamed('openai-chat').toUpstream(call, {
      dialect: 'openai',
      servedName: 'm',
    })
    return JSON.parse(sent.body.toString())
  }
  expect(both(900, 1)).toMatchObject({ max_tokens: 1, max_completion_tokens: 1 })
  expect(both(5, 7)).toMatchObject({ max_tokens: 5, max_completion_tokens: 7 })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['openai-completions', 'prompt', (tokens: number) => Array(tokens).fill(5),           'prompt'],
  ['openai-completions', 'prompt', (tokens: number) => [[5], Array(tokens).fill(5), [6]], 'prompt[1]'],
  ['embeddings',         'input',  (tokens: number) => Array(tokens).fill(5),           'input'],
  ['embeddings',         'input',  (tokens: number) => [Array(tokens).fill(5)],         'input[0]'],
] as const)('%s: what is sent as tokens must fit into the context', (name, field, sent, param) => {
  const asking = (tokens: number) => callOf(surfaceNamed(name), { model: 'm', [field]: sent(tokens) })
  const model = { contextTokens: 1000, capabilities: [] }
  expect(() => checkModel(asking(1000), model)).not.toThrow()
  const fault = refusalOf(() => checkModel(asking(1001), model))
  expect(fault).toMatchObject({ kind: 'context_too_long', param })
  expect(fault.message).toContain('1000 tokens')
})

test('a salt of the prefix cache passes only where the model says so', () => {
  expect(check({ cache_salt: 's' })).not.toHaveProperty('cache_salt')
  expect(check({ cache_salt: 's' }, { cacheSalt: true })).toMatchObject({ cache_salt: 's' })
})
