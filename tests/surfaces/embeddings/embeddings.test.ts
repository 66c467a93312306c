// Embeddings: what is asked, what leaves for the upstream, and what comes back.
import { describe, expect, test } from 'vitest'
import { expectShape } from '../../support/schema-checks.ts'
import { callOf, refusalOf, surfaceNamed, wholeEvent } from '../../support/surface-call.ts'
import { tenantFields } from '../../support/tenant-fields.ts'

const embeddings = surfaceNamed('embeddings')

function read(given: Record<string, unknown>) {
  return callOf(embeddings, { model: 'asked', input: 'Hi', ...given })
}

function sent(given: Record<string, unknown>, dialect = 'vllm') {
  const ask = embeddings.toUpstream(read(given), { dialect, servedName: 'served' })
  expect(ask.path).toBe('/v1/embeddings')
  return JSON.parse(ask.body.toString())
}

const many = Array.from({ length: 2048 }, () => 'a')

/* biome-ignore format: a table reads as a table */
test.each([
  ['a text',             'Hi',              1],
  ['token ids',          [1, 2, 3],         1],
  ['texts',              ['a', 'b'],        2],
  ['lists of token ids', [[1], [2], [3]],   3],
  ['as many as may be',  many,              2048],
])('%s has a vector for each input', (_what, input, choices) => {
  expect(read({ input })).toMatchObject({ choices, stream: false, wantsUsage: false })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['no input',              { input: undefined },              'input'],
  ['null',                  { input: null },                   'input'],
  ['an empty text',         { input: '' },                     'input'],
  ['an empty list',         { input: [] },                     'input'],
  ['an object',             { input: {} },                     'input'],
  ['texts and token ids',   { input: ['a', 1] },               'input[1]'],
  ['too many',              { input: [...many, 'a'] },         'input'],
  ['another encoding',      { encoding_format: 'bytes' },      'encoding_format'],
  ['an encoding in a list', { encoding_format: ['float'] },    'encoding_format'],
  ['an encoding as number', { encoding_format: 1 },            'encoding_format'],
  ['no dimensions',         { dimensions: 0 },                 'dimensions'],
  ['half a dimension',      { dimensions: 1.5 },               'dimensions'],
  ['a user that is no text', { user: 1 },                      'user'],
])('%s is refused', (_what, given, param) => {
  expect(refusalOf(() => read(given))).toMatchObject({ kind: 'bad_request', param })
})

describe('on the way to an upstream', () => {
  test.each([undefined, 'float', 'base64'])('the encoding %s is forwarded untouched', (format) => {
    const given = format === undefined ? {} : { encoding_format: format }
    expect(sent({ ...given, dimensions: 32 })).toEqual({
      model: 'served',
      input: 'Hi',
      ...given,
      dimensions: 32,
    })
  })

  const more = ['chat_template_kwargs', 'messages', 'prompt_logprobs', 'stream']
  const heldBack = [...tenantFields, ...more]

  test('the list names all that is held back', () => {
    expect([...embeddings.fields.stripped].sort()).toEqual(heldBack.toSorted())
  })

  test.each(heldBack)('%s does not pass', (name) => {
    expect(sent({ [name]: 'x' })).toEqual({ model: 'served', input: 'Hi' })
  })

  test('a stream is never asked for', () => {
    const options = { stream: true, stream_options: { include_usage: true } }
    expect(sent(options, 'openai')).toEqual({ model: 'served', input: 'Hi' })
    expect(read(options)).toMatchObject({ stream: false })
  })
})

describe('an answer', () => {
  const answer = {
    id: 'embd-1',
    object: 'list',
    created: 1,
    model: 'served',
    data: [{ index: 0, object: 'embedding', embedding: [0.1, -0.25] }],
    usage: {
      prompt_tokens: 2,
      total_tokens: 2,
      completion_tokens: 0,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    },
  }

  test('keeps its vectors to the byte, and loses what OpenAI does not show', () => {
    const one = embeddings.encoder(read({}))
    const vector = '[0.100000000000000001, -2.5e-1 ]'
    const text = JSON.stringify(answer).replace('[0.1,-0.25]', vector)
    const shown = one.take({ kind: 'whole', text, value: JSON.parse(text) }) ?? ''
    expect(shown).toContain(`"embedding":${vector}`)
    expect(JSON.parse(shown)).toEqual({
      object: 'list',
      model: 'asked',
      data: answer.data,
      usage: { prompt_tokens: 2, total_tokens: 2 },
    })
    expectShape('embeddings', JSON.parse(shown))
    expect(one.isComplete()).toBe(true)
    expect(one.usage()).toMatchObject({
      promptTokens: 2,
      completionTokens: 0,
      source: 'reported',
    })
  })

  test('says what it is where its server does not', () => {
    const [{ index, embedding } = { index: 0, embedding: [] }] = answer.data
    const bare = { data: [{ index, embedding }], usage: answer.usage }
    const shown = JSON.parse(embeddings.encoder(read({})).take(wholeEvent(bare)) ?? '')
    expectShape('embeddings', shown)
    expect(shown.data).toEqual(answer.data)
  })

  test('in base64 passes as it came', () => {
    const data = [{ index: 0, object: 'embedding', embedding: 'baYovSGpb70=' }]
    const shown = embeddings.encoder(read({})).take(wholeEvent({ ...answer, data })) ?? ''
    expect(JSON.parse(shown).data).toEqual(data)
  })

  test('of one vector too few is not complete', () => {
    const one = embeddings.encoder(read({ input: ['a', 'b'] }))
    one.take(wholeEvent(answer))
    expect(one.isComplete()).toBe(false)
  })

  const [vector] = answer.data

  test.each([
    ['one vector too many', [vector, { ...vector, index: 1 }, { ...vector, index: 2 }]],
    ['a vector twice', [vector, vector]],
    ['a vector without a number', [vector, { ...vector, index: undefined }]],
    ['a vector that is null', [vector, null]],
    ['a vector of nothing', [vector, { object: 'embedding', index: 1 }]],
  ])('of %s is a fault of the upstream', (_what, data) => {
    const one = embeddings.encoder(read({ input: ['a', 'b'] }))
    const event = wholeEvent({ ...answer, data })
    expect(refusalOf(() => one.take(event))).toMatchObject({ kind: 'upstream_bad_answer' })
  })

  test.each([
    ['none', undefined, 0],
    ['less than none', { prompt_tokens: -1, total_tokens: -1 }, 0],
    ['no sum', { prompt_tokens: 2 }, 2],
    ['a sum below none', { prompt_tokens: 2, total_tokens: -7 }, 2],
  ])('whose usage is %s shows what is charged', (_what, usage, tokens) => {
    const one = embeddings.encoder(read({}))
    const shown = JSON.parse(one.take(wholeEvent({ ...answer, usage })) ?? '')
    expect(shown.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens })
    expect(one.usage()).toMatchObject({ promptTokens: tokens })
    expectShape('embeddings', shown)
  })

  test('that is none, or streams, is a fault of the upstream', () => {
    const one = embeddings.encoder(read({}))
    const chunk = { kind: 'chunk' as const, text: '{}', value: {} }
    for (const event of [chunk, wholeEvent({ choices: [] })]) {
      expect(refusalOf(() => one.take(event))).toMatchObject({ kind: 'upstream_bad_answer' })
    }
  })
})
