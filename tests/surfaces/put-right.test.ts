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

describe('what strict clients trip over in a chunk', () => {
  const shown = (choice: Record<string, unknown>, more = {}) =>
    streamed({ ...head, choices: [{ index: 0, finish_reason: null, ...choice }], ...more })[0]

  test('a role of null is left out', () => {
    const { delta } = shown({ delta: { role: null, content: 'Hi' } }).choices[0]
    expect(delta).toEqual({ content: 'Hi' })
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
