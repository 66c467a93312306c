// What servers of other makes say in their answers, and what a client that reads strictly gets.
import { describe, expect, test } from 'vitest'
import { expectShape } from '../support/schema-checks.ts'
import {
  callOf,
  chunkFrom,
  refusalOf,
  shownIn,
  surfaceNamed,
  wholeEvent,
} from '../support/surface-call.ts'

const head = { id: 'a', object: 'chat.completion.chunk', created: 1, model: 'served' }
const usage = { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 }

function chat(more: Record<string, unknown> = {}) {
  const body = { model: 'asked', messages: [{ role: 'user', content: 'Hi' }], ...more }
  const surface = surfaceNamed('openai-chat')
  return surface.encoder(callOf(surface, body))
}

function completion(more: Record<string, unknown> = {}) {
  const surface = surfaceNamed('openai-completions')
  return surface.encoder(callOf(surface, { model: 'asked', prompt: 'Hi', ...more }))
}

function streamed(...chunks: Record<string, unknown>[]) {
  const one = chat({ stream: true })
  const shown = chunks.map((chunk) => shownIn(one.take(chunkFrom(JSON.stringify(chunk)))))
  for (const event of shown) expectShape('chatCompletionChunk', event)
  return shown
}

function part(content: string, reason: unknown = null) {
  return { index: 0, delta: { content }, finish_reason: reason }
}

function message(content: string, reason: unknown = 'stop', index = 0) {
  return { index, message: { content }, finish_reason: reason }
}

function whole(more: Record<string, unknown>) {
  return wholeEvent({
    ...head,
    object: 'chat.completion',
    choices: [message('Hi')],
    usage,
    ...more,
  })
}

/* biome-ignore format: a table reads as a table */
const reasons: [said: string, chat: string | null, completion: string | null][] = [
  ['stop',           'stop',           'stop'],
  ['length',         'length',         'length'],
  ['content_filter', 'content_filter', 'content_filter'],
  ['tool_calls',     'tool_calls',     'stop'],
  ['function_call',  'function_call',  'stop'],
  ['tool_use',       'tool_calls',     'stop'],
  ['max_tokens',     'length',         'length'],
  ['model_length',   'length',         'length'],
  ['repetition',     'stop',           'stop'],
  ['eos_token',      'stop',           'stop'],
  ['constructor',    'stop',           'stop'],
  ['STOP',           'stop',           'stop'],
  ['MAX_TOKENS',     'length',         'length'],
  ['SAFETY',         'content_filter', 'content_filter'],
  ['',               null,             null],
]

test.each(reasons)('a choice that ends in %j', (said, inChat, inCompletion) => {
  const [chunk] = streamed({ ...head, choices: [part('x', said)] })
  expect(chunk.choices[0].finish_reason).toBe(inChat)
  const one = completion({ stream: true })
  const text = { index: 0, text: 'x', finish_reason: said, logprobs: null }
  const shown = shownIn(one.take(chunkFrom(JSON.stringify({ ...head, choices: [text] }))))
  expect(shown.choices[0].finish_reason).toBe(inCompletion)
  expect(one.isComplete()).toBe(inCompletion !== null)
})

/* biome-ignore format: a table reads as a table */
test.each([
  'abort', 'aborted', 'ERROR', 'engine_error', 'cancelled', 'canceled', 'failed', 'Timeout', 'time_out',
])('a choice that ends in %j has failed', (said) => {
  const one = chat({ stream: true })
  const text = JSON.stringify({ ...head, choices: [part('x', said)] })
  expect(refusalOf(() => one.take(chunkFrom(text)))).toMatchObject({ kind: 'upstream_cut' })
  expect(one.isComplete()).toBe(false)
})

describe('a chunk that is not good as a whole', () => {
  /* biome-ignore format: a table reads as a table */
  test.each([
    ['one end of two is none',          [part('last', 'stop'), part('', 'abort')]],
    ['nobody asked for one of them',    [part('last', 'stop'), { ...part(''), index: 1 }]],
    ['one of them is no choice',        [part('last', 'stop'), 'x']],
    ['one of them holds an error',      [part('last', 'stop'), { ...part(''), error: { message: 'canary' } }]],
  ])('ends nothing and is no token: %s', (_what, choices) => {
    const one = chat({ stream: true })
    one.take(chunkFrom(JSON.stringify({ ...head, choices: [part('x')] })))
    const fault = refusalOf(() => one.take(chunkFrom(JSON.stringify({ ...head, choices }))))
    expect(`${fault.message} ${fault.cause}`).not.toContain('canary')
    expect(one.isComplete()).toBe(false)
    expect(one.usage().completionTokens).toBe(1)
  })
})

describe('what is given twice', () => {
  const choice = (content: string, more = '') =>
    `{"index":0,"message":{"content":"${content}"${more}},"finish_reason":"stop"}`

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['choices',    `"choices":[${choice('WRONG')}],"choices":[${choice('right', ',"tool_calls":null')}]`],
    ['a message',  `"choices":[{"index":0,"message":{"content":"WRONG"},"message":{"content":"right","tool_calls":null},"finish_reason":"stop"}]`],
    ['content',    `"choices":[{"index":0,"message":{"content":"WRONG","content":"right"},"finish_reason":"stop"}]`],
    ['an error',   `"error":{"message":"WRONG"},"error":null,"choices":[${choice('right')}]`],
    ['another choice', `"choices":[{"index":5,"message":{"content":"WRONG"}}],"choices":[${choice('right')}]`],
  ])('counts once, as the last: %s', (_what, members) => {
    const text = `{"id":"a","object":"chat.completion","created":1,"model":"m",${members}}`
    const shown = chat().take({ kind: 'whole', text, value: JSON.parse(text) }) ?? ''
    expect(shown).not.toContain('WRONG')
    expect(JSON.parse(shown).choices).toMatchObject([{ index: 0, message: { content: 'right' } }])
  })

  test('is charged as it is shown', () => {
    const usages = [1, 900].map((n) => `"usage":{"prompt_tokens":${n},"completion_tokens":${n}}`)
    const text = `{"id":"a","choices":[${choice('x')}],${usages.join(',')}}`
    const one = chat()
    const shown = JSON.parse(one.take({ kind: 'whole', text, value: JSON.parse(text) }) ?? '')
    expect(shown.usage).toMatchObject({ prompt_tokens: 900, total_tokens: 1800 })
    expect(one.usage()).toMatchObject({ promptTokens: 900, completionTokens: 900 })
  })

  test('a thousand times makes nothing larger', () => {
    const text = (choices: string) =>
      `{${'"model":1,'.repeat(1000)}${'"choices":[],'.repeat(1000)}"choices":[${choices}]}`
    for (const choices of ['{"index":0,"delta":{"content":"x"}}', JSON.stringify(part('x'))]) {
      const one = chat({ stream: true, model: 'x'.repeat(200) })
      for (let n = 0; n < 3; n += 1) {
        expect((one.take(chunkFrom(text(choices))) ?? '').length).toBeLessThan(500)
      }
    }
  })
})

describe('the envelope of a stream', () => {
  test('is that of its first chunk to the end', () => {
    const shown = streamed(
      { ...head, choices: [part('x')] },
      { ...head, id: 'b', created: 2, choices: [part('y')] },
      { ...head, object: 'chat.completion', choices: [part('z')] },
      { ...head, id: undefined, choices: [part('', 'stop')] },
    )
    const { id, object, created } = head
    for (const chunk of shown) expect(chunk).toMatchObject({ id, object, created, model: 'asked' })
    expect(shown.map(({ choices }) => choices[0].delta.content)).toEqual(['x', 'y', 'z', ''])
  })

  test.each([{ id: 7, created: '2026' }, { id: '', created: 1.5 }, { id: null }])(
    'is ours where the server says %j',
    (said) => {
      const one = chat({ stream: true, stream_options: { include_usage: true } })
      const given = { ...head, created: undefined, ...said, choices: [part('x', 'stop')], usage }
      const shown = shownIn(one.take(chunkFrom(JSON.stringify(given))))
      const ours = { id: 'chatcmpl-req_1', created: 1_700_000_000 }
      expect(shown).toMatchObject(ours)
      // The usage that we make ourselves belongs to the same answer.
      expect(shownIn(`${one.end('n').split('\n\n')[0]}\n\n`)).toMatchObject({ ...ours, usage })
    },
  )

  test('holds nothing that an SDK takes for an error', () => {
    const [shown] = streamed({ ...head, choices: [part('x')], error: '' })
    expect(shown).not.toHaveProperty('error')
  })

  test('a choice that says nothing has an empty delta', () => {
    const shown = streamed(
      { ...head, choices: [{ index: 0, finish_reason: null }] },
      { ...head, choices: [{ index: 0, delta: null, finish_reason: 'stop' }] },
    )
    expect(shown.map(({ choices }) => choices[0].delta)).toEqual([{}, {}])
  })
})

describe('an end that is said twice', () => {
  const saying = (...choices: Record<string, unknown>[]) => ({ ...head, choices })
  const reasonsOf = (shown: { choices: { finish_reason: unknown }[] }[]) =>
    shown.map(({ choices }) => choices.map(({ finish_reason: reason }) => reason))

  test('is said once, in OpenAI’s word', () => {
    const shown = streamed(
      saying(part('a')),
      saying(part('b', 'tool_use')),
      saying(part('', 'tool_use')),
      saying(part('', 'stop')),
    )
    expect(reasonsOf(shown)).toEqual([[null], ['tool_calls'], [null], [null]])
  })

  test('is said once in one chunk', () => {
    const shown = streamed(saying(part('a', 'stop'), part('', 'stop')))
    expect(reasonsOf(shown)).toEqual([['stop', null]])
  })

  test('is said once for each choice', () => {
    const one = chat({ stream: true, n: 2 })
    const ends = (index: number) => ({ ...part('x', 'stop'), index })
    const chunks = [ends(1), ends(1), ends(0), ends(1)].map((choice) =>
      shownIn(one.take(chunkFrom(JSON.stringify(saying(choice))))),
    )
    expect(reasonsOf(chunks)).toEqual([['stop'], [null], ['stop'], [null]])
    expect(one.isComplete()).toBe(true)
  })

  test('leaves what is said after it as it came, and counted', () => {
    const one = chat({ stream: true })
    const text = JSON.stringify(saying(part('caf\u00e9 1.0', 'stop'))).replace('é', '\\u00e9')
    const [first, second] = [one.take(chunkFrom(text)), one.take(chunkFrom(text))]
    expect(first).toContain('caf\\u00e9 1.0')
    expect(second).toBe(first?.replace('"stop"', 'null'))
    expect(one.usage().completionTokens).toBe(2)
  })
})

describe('what strict clients trip over in a chunk', () => {
  const shown = (choice: Record<string, unknown>, more = {}) =>
    streamed({ ...head, choices: [{ index: 0, finish_reason: null, ...choice }], ...more })[0]

  test('a role of null is left out', () => {
    const { delta } = shown({ delta: { role: null, content: 'Hi' } }).choices[0]
    expect(delta).toEqual({ content: 'Hi' })
  })

  test('nulls of a server’s own are left out, and what is said there stays', () => {
    const nulls = {
      token_ids: null,
      routed_experts: null,
      stop_reason: null,
      prompt_logprobs: null,
    }
    const silent = { content: 'Hi', audio: null, reasoning: null, reasoning_content: null }
    const { choices } = shown({ delta: silent, ...nulls, logprobs: null })
    expect(choices[0]).toEqual({
      index: 0,
      delta: { content: 'Hi' },
      finish_reason: null,
      logprobs: null,
    })
    const said = { reasoning: 'Hm', reasoning_content: 'Hm' }
    const [choice] = shown({ delta: said, stop_reason: 'END', finish_reason: 'stop' }).choices
    expect(choice).toMatchObject({ delta: said, stop_reason: 'END' })
  })

  test('nulls in the later parts of a call of a tool are left out, its text stays', () => {
    const part = { index: 0, id: null, type: null, function: { name: null, arguments: '{"a"' } }
    const { delta } = shown({ delta: { tool_calls: [part] } }).choices[0]
    expect(delta.tool_calls).toEqual([{ index: 0, function: { arguments: '{"a"' } }])
    const first = { index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: null } }
    const begun = shown({ delta: { tool_calls: [first] } }).choices[0].delta.tool_calls[0]
    expect(begun.function).toEqual({ name: 'f' })
  })

  test('a token’s log probability has its bytes and its alternatives', () => {
    const content = [{ token: 'a', logprob: -1, top_logprobs: [{ token: 'b', logprob: -2 }] }]
    const { logprobs } = shown({ delta: { content: 'a' }, logprobs: { content } }).choices[0]
    expect(logprobs.content).toEqual([
      {
        token: 'a',
        logprob: -1,
        bytes: null,
        top_logprobs: [{ token: 'b', logprob: -2, bytes: null }],
      },
    ])
    const bare = { content: [{ token: 'a', logprob: -1, bytes: [97] }] }
    const [given] = shown({ delta: {}, logprobs: bare }).choices[0].logprobs.content
    expect(given).toEqual({ token: 'a', logprob: -1, bytes: [97], top_logprobs: [] })
  })

  test('a tier that OpenAI does not have is left out', () => {
    const choice = { delta: { content: 'Hi' } }
    expect(shown(choice, { service_tier: 'on_demand' })).not.toHaveProperty('service_tier')
    expect(shown(choice, { service_tier: 'flex' })).toHaveProperty('service_tier', 'flex')
  })
})

describe('a whole answer', () => {
  test.each([
    ['no message', { choices: [{ index: 0, finish_reason: 'stop' }] }],
    ['a message that is a text', { choices: [{ ...message('Hi'), message: 'Hi' }] }],
    ['a choice twice', { choices: [message('Hi'), message('Ho')] }],
  ])('with %s is a fault of the upstream', (_what, more) => {
    const fault = refusalOf(() => chat().take(whole(more)))
    expect(fault).toMatchObject({ kind: 'upstream_bad_answer' })
  })

  test('of a completion without its text is a fault of the upstream', () => {
    const choices = [{ index: 0, finish_reason: 'stop' }]
    const fault = refusalOf(() => completion().take(wholeEvent({ ...head, choices })))
    expect(fault).toMatchObject({ kind: 'upstream_bad_answer' })
  })

  test('has details of its usage that are counts, or none', () => {
    const odd = { cached_tokens: 1.5, audio_tokens: null, other: 'x' }
    const text = chat().take(whole({ usage: { ...usage, prompt_tokens_details: odd } }))
    const shown = JSON.parse(text ?? '')
    expectShape('chatCompletion', shown)
    expect(shown.usage).toEqual({ ...usage, prompt_tokens_details: { other: 'x' } })
    const details = { completion_tokens_details: 'many', prompt_tokens_details: null }
    const without = chat().take(whole({ usage: { ...usage, ...details } }))
    expect(JSON.parse(without ?? '').usage).toEqual(usage)
  })

  test('has a role', () => {
    const shown = JSON.parse(chat().take(whole({})) ?? '')
    expect(shown.choices[0].message).toEqual({ role: 'assistant', content: 'Hi', refusal: null })
    expectShape('chatCompletion', shown)
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['less than none',    { ...usage, prompt_tokens: -1 },           undefined],
    ['beyond all',        { ...usage, prompt_tokens: 1e15 },         undefined],
    ['a text',            'many',                                    undefined],
    ['half a completion', { ...usage, completion_tokens: 2.5 },      { ...usage, completion_tokens: 0 }],
    ['no sum',            { prompt_tokens: 2, completion_tokens: 3 }, usage],
    ['a sum of nothing',  { ...usage, total_tokens: 'x' },           usage],
    ['more than parts',   { ...usage, total_tokens: 9 },             { ...usage, total_tokens: 9 }],
  ])('shows of a usage of %s what is charged', (_what, given, shown) => {
    const answer = JSON.parse(chat().take(whole({ usage: given })) ?? '')
    expect(answer.usage).toEqual(shown)
    expectShape('chatCompletion', answer)
  })
})
