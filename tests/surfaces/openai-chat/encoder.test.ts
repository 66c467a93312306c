// A chat answer on its way to the client: content as it came, the envelope put right.
import { describe, expect, test } from 'vitest'
import { Fault, type UpstreamEvent } from '#src/domain/index.ts'
import type { Encoder } from '#src/surfaces/index.ts'
import { chatCall, chatSurface } from '../../support/chat-call.ts'
import { operatorsAnswerFields } from '../../support/tenant-fields.ts'

const withUsage = { stream: true, stream_options: { include_usage: true } }

function encoder(given: Record<string, unknown> = { stream: true }): Encoder {
  return chatSurface().encoder(chatCall(given))
}

function chunkOf(text: string): UpstreamEvent {
  return { kind: 'chunk', text, value: JSON.parse(text) }
}

function wholeOf(value: Record<string, unknown>): UpstreamEvent {
  return { kind: 'whole', text: JSON.stringify(value), value }
}

function usage(prompt: number, completion: number) {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
  }
}

const envelope = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'served' }

function chunk(choices: unknown[], more: Record<string, unknown> = {}): UpstreamEvent {
  return chunkOf(JSON.stringify({ ...envelope, choices, ...more }))
}

function said(content: string, index = 0) {
  return { index, delta: { content }, finish_reason: null }
}

function finish(index = 0, reason = 'stop') {
  return { index, delta: {}, finish_reason: reason }
}

/** The one event in the client's bytes, decoded. */
function shown(text: string | null) {
  expect(text).toMatch(/^data: .*\n\n$/)
  return JSON.parse((text ?? '').slice(6))
}

function refusal(work: () => unknown): unknown {
  try {
    work()
  } catch (cause) {
    expect(cause).toBeInstanceOf(Fault)
    return cause
  }
  throw new Error('it was not refused')
}

describe('the envelope', () => {
  test('names the model that was asked for', () => {
    expect(shown(encoder().take(chunk([said('Hi')])))).toEqual({
      ...envelope,
      model: 'asked',
      choices: [said('Hi')],
    })
  })

  test('gains a model where the upstream forgot it', () => {
    const text = '{"id":"1","choices":[{"index":0,"delta":{}}]}'
    expect(shown(encoder().take(chunkOf(text))).model).toBe('asked')
  })

  test.each(operatorsAnswerFields)('keeps %s for the operator', (name) => {
    expect(shown(encoder().take(chunk([said('Hi')], { [name]: [1] })))).not.toHaveProperty(name)
    const choice = { index: 0, message: { content: 'Hi' }, finish_reason: 'stop' }
    const whole = wholeOf({ choices: [choice], [name]: [1] })
    expect(JSON.parse(encoder({}).take(whole) ?? '')).not.toHaveProperty(name)
  })

  test('leaves content, escapes and unknown members as they came, to the byte', () => {
    const inner =
      '"choices": [ {"index":0,"delta":{"content":"\\u00fc\\ud83d\\ude80 \\/ €","reasoning" : "r"},' +
      '"logprobs":null,"n":12345678901234567890,"finish_reason":null} ]'
    const head = '"id":"1","object":"chat.completion.chunk","created":1'
    const text = `{${head}, ${inner}, "x_new":1.10e5 , "model":"served"}`
    const out = encoder().take(chunkOf(text))
    expect(out).toBe(`data: {${head},${inner},"x_new":1.10e5,"model":"asked"}\n\n`)
  })
})

describe('usage of a stream', () => {
  test('is hidden from those who did not ask', () => {
    const one = encoder()
    expect(shown(one.take(chunk([said('Hi')], { usage: usage(9, 1) })))).not.toHaveProperty('usage')
    expect(shown(one.take(chunk([finish()], { usage: null })))).not.toHaveProperty('usage')
    expect(one.take(chunk([], { usage: usage(9, 1) }))).toBeNull()
    expect(one.end('n')).toBe(': n\n\ndata: [DONE]\n\n')
    expect(one.usage()).toMatchObject({ promptTokens: 9, completionTokens: 1, source: 'reported' })
  })

  test('is null on chunks for those who asked', () => {
    const one = encoder(withUsage)
    expect(shown(one.take(chunk([said('Hi')], { usage: usage(9, 1) }))).usage).toBeNull()
    expect(shown(one.take(chunk([finish()]))).usage).toBeNull()
  })

  test('is shown once, at the end, though a server sent it often and before the last finish reason', () => {
    const one = encoder(withUsage)
    one.take(chunk([said('Hi')]))
    expect(one.take(chunk([], { usage: usage(9, 1) }))).toBeNull()
    expect(one.take(chunk([], { usage: usage(9, 2) }))).toBeNull()
    expect(one.take(chunk([]))).toBeNull()
    one.take(chunk([finish()]))
    const [last = '', ...rest] = one.end('n').split('\n\n')
    expect(JSON.parse(last.slice(6))).toEqual({
      ...envelope,
      model: 'asked',
      choices: [],
      usage: usage(9, 2),
    })
    expect(rest).toEqual([': n', 'data: [DONE]', ''])
  })

  test('is made of the running count where the upstream forgot the end', () => {
    const one = encoder(withUsage)
    one.take(chunk([said('Hi')], { usage: usage(9, 1) }))
    one.take(chunk([finish()], { usage: usage(9, 2) }))
    const [first = '', ...rest] = one.end('n').split('\n\n')
    expect(JSON.parse(first.slice(6))).toEqual({
      ...envelope,
      model: 'asked',
      choices: [],
      usage: usage(9, 2),
    })
    expect(rest).toEqual([': n', 'data: [DONE]', ''])
  })

  test('is not made up where nobody counted', () => {
    const one = encoder(withUsage)
    one.take(chunk([finish()]))
    expect(one.end('n')).toBe(': n\n\ndata: [DONE]\n\n')
  })

  test('is not shown as an empty chunk where the last one has none', () => {
    expect(encoder(withUsage).take(chunk([]))).toBeNull()
  })
})

describe('what was delivered so far', () => {
  test('is nothing before the first event', () => {
    expect(encoder().usage()).toMatchObject({ promptTokens: 0, completionTokens: 0 })
  })

  test('is counted by events where the upstream does not count', () => {
    const one = encoder()
    one.take(chunk([said('Hi')]))
    one.take(chunk([said(' you')]))
    expect(one.usage()).toMatchObject({ completionTokens: 2, source: 'counted' })
  })

  test('is no more for parts that say nothing: who speaks, and that it is over', () => {
    const one = encoder()
    one.take(chunk([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }]))
    one.take(chunk([said('Hi')]))
    one.take(chunk([finish()]))
    expect(one.usage()).toMatchObject({ completionTokens: 1, source: 'counted' })
  })

  test('is a token for each part of a thought and of a call', () => {
    const one = encoder()
    const parts = [{ reasoning: 'Hm' }, { tool_calls: [{ index: 0 }] }, { tool_calls: [] }]
    for (const delta of parts) one.take(chunk([{ index: 0, delta, finish_reason: null }]))
    expect(one.usage()).toMatchObject({ completionTokens: 2 })
  })

  test('is a token for each of the parts that share a chunk, be they of one choice', () => {
    const one = encoder()
    expect(shown(one.take(chunk([said('Hi'), said(' you')]))).choices).toHaveLength(2)
    expect(one.usage()).toMatchObject({ completionTokens: 2 })
  })

  test('is the running count of the last event', () => {
    const one = encoder()
    one.take(chunk([said('Hi')], { usage: usage(9, 3) }))
    one.take(chunk([said(' you')], { usage: usage(9, 7) }))
    expect(one.usage()).toMatchObject({ promptTokens: 9, completionTokens: 7, source: 'running' })
  })

  test('is the sum of the choices’ running counts', () => {
    const one = encoder({ stream: true, n: 3 })
    one.take(chunk([said('a', 0)], { usage: usage(9, 4) }))
    one.take(chunk([said('b', 2)], { usage: usage(9, 5) }))
    one.take(chunk([said('c', 0)], { usage: usage(9, 6) }))
    expect(one.usage()).toMatchObject({ promptTokens: 9, completionTokens: 11, source: 'running' })
  })

  test('is what the upstream reports in the end, whatever ran before', () => {
    const one = encoder()
    one.take(chunk([said('Hi')], { usage: usage(9, 3) }))
    one.take(chunk([], { usage: { ...usage(9, 8), prompt_tokens_details: { cached_tokens: 4 } } }))
    expect(one.usage()).toEqual({
      promptTokens: 9,
      completionTokens: 8,
      cachedTokens: 4,
      source: 'reported',
    })
  })
})

describe('an answer is complete', () => {
  test('when each of three choices has its reason, in any order', () => {
    const one = encoder({ stream: true, n: 3 })
    expect(one.isComplete()).toBe(false)
    for (const index of [2, 0]) {
      one.take(chunk([finish(index)]))
      one.take(chunk([finish(index)]))
      expect(one.isComplete()).toBe(false)
    }
    one.take(chunk([finish(1, 'length')]))
    expect(one.isComplete()).toBe(true)
  })

  test('when one chunk finishes all', () => {
    const one = encoder({ stream: true, n: 2 })
    one.take(chunk([finish(0), finish(1, 'tool_calls')]))
    expect(one.isComplete()).toBe(true)
  })

  test('not because of content, usage or the mark of the end', () => {
    const one = encoder()
    one.take(chunk([said('Hi')]))
    one.take(chunk([], { usage: usage(9, 1) }))
    expect(one.take({ kind: 'done' })).toBeNull()
    expect(one.isComplete()).toBe(false)
  })

  test.each(['abort', 'error'])('never with the reason %s: the engine gave up', (reason) => {
    const one = encoder()
    const fault = refusal(() => one.take(chunk([finish(0, reason)])))
    expect(fault).toMatchObject({ kind: 'upstream_cut', started: 'yes' })
    expect(one.isComplete()).toBe(false)
  })
})

describe('a whole answer', () => {
  const value = {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: 'served',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
    usage: usage(9, 2),
  }

  test('is the body, with the model that was asked for and its usage', () => {
    const one = encoder({})
    const [choice] = value.choices
    expect(JSON.parse(one.take(wholeOf(value)) ?? '')).toEqual({
      ...value,
      model: 'asked',
      created: 1_700_000_000,
      // What OpenAI always shows is there, also where the upstream had nothing to say.
      choices: [{ ...choice, logprobs: null, message: { ...choice?.message, refusal: null } }],
    })
    expect(one.isComplete()).toBe(true)
    expect(one.usage()).toMatchObject({ promptTokens: 9, completionTokens: 2, source: 'reported' })
  })

  test('is incomplete with fewer choices than were asked for', () => {
    const one = encoder({ n: 2 })
    one.take(wholeOf(value))
    expect(one.isComplete()).toBe(false)
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['a stream answered by a whole body', { stream: true }, wholeOf({ choices: [finish()] })],
  ['a whole answer that streams',       {},               chunk([finish()])],
  ['a chunk without choices',           { stream: true }, chunkOf('{"id":"1"}')],
  ['choices that are no list',          { stream: true }, chunkOf('{"choices":{}}')],
  ['a whole body without choices',      {},               wholeOf({ id: '1' })],
])('%s is a fault of the upstream', (_what, given, event) => {
  const fault = refusal(() => encoder(given).take(event))
  expect(fault).toMatchObject({ kind: 'upstream_bad_answer', started: 'yes' })
})

describe('words of our own', () => {
  test('a heartbeat is a comment that says what is waited for', () => {
    const one = encoder()
    expect(one.heartbeat({ phase: 'queued', etaMs: null })).toBe(': podgate queued\n\n')
    expect(one.heartbeat({ phase: 'warming', etaMs: 93_001 })).toBe(': podgate warming eta=94s\n\n')
  })

  test('a failure is one event: the envelope, with no chunk around it and no end after it', () => {
    const fault = new Fault('upstream_cut', { message: 'It ended early.', cause: 'inside' })
    expect(encoder().failed(fault)).toBe(
      'data: {"error":{"message":"It ended early.","type":"upstream_error","param":null,"code":"upstream_cut"}}\n\n',
    )
  })

  test('a note at the end cannot break out of its comment', () => {
    expect(encoder().end('a\n\ndata: b')).toBe(': a data: b\n\ndata: [DONE]\n\n')
  })
})
