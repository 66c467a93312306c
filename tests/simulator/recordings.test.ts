// The simulated engine against a real one: every recorded request is sent to it, and the answer must
// have the status, headers, keys in order, types and events of the recording; refusals every byte.
import { expect, test } from 'vitest'
import {
  allRecordings,
  bodyText,
  finishReasons,
  orderOf,
  type Recording,
  readEvents,
  readGolden,
  requestBytes,
  type StreamedEvent,
  shapeOf,
} from './support/recording.ts'
import { runSimulator } from './support/running.ts'

const timing = { stepMs: 1, stepPerSequenceMs: 0, prefillMsPer1k: 1 }
const simulator = runSimulator({
  endpoints: {
    chat: { model: 'smollm2-135m', contextTokens: 2048, timing },
    pooling: { model: 'smol-embed', kind: 'pooling', contextTokens: 512, timing },
  },
})

const calledBadly = 'the recorded model never closed its call; ours makes one that fits the schema'

/** What remains different: one field of one file, and why. */
const differences: { readonly [name: string]: { field: Field; because: string } } = {
  'chat-stream-stop': {
    field: 'events',
    because: 'the recorded model wrote no comma in 24 tokens; ours may be stopped by one',
  },
  'chat-stream-tool-forced': { field: 'events', because: calledBadly },
  'chat-stream-tool-required': { field: 'events', because: calledBadly },
  'chat-tool-forced': { field: '.choices[].message.tool_calls', because: calledBadly },
  'chat-tool-required': { field: '.choices[].message.tool_calls', because: calledBadly },
  'tool-required-not-strict': { field: '.choices[].message.tool_calls', because: calledBadly },
  'stream-empty-answer': {
    field: 'events',
    because: 'the recorded model said nothing; ours does so only when it is told to (see below)',
  },
}

interface EngineKilled {
  calls: { chunks: [number | string, string][] }[]
}

type Field = 'events' | `.${string}`

const hopByHop = ['date', 'content-length', 'connection', 'keep-alive']

test.each(allRecordings().map((recording) => [recording.name, recording] as const))(
  '%s is answered as vLLM answered it',
  async (name, recording) => {
    const answer = await replay(recording)
    const text = await answer.text()
    const ignored = differences[name]?.field ?? null
    expect(answer.status).toBe(recording.response.status)
    expect(headerNames(answer.headers)).toEqual(headerNames(recording.response.headers))
    if (recording.response.status >= 400) expect(text).toBe(bodyText(recording))
    else if (isStream(recording)) expectSameStream(text, bodyText(recording), ignored)
    else expectSameWhole(text, bodyText(recording), ignored)
  },
)

test('an answer without a token has the events of the recorded empty answer', async () => {
  const recording = allRecordings().find(({ name }) => name === 'stream-empty-answer')
  const messages = [{ role: 'user', content: '[[sim:tokens=0]]' }]
  const answer = await simulator.call('/engine/chat/v1/chat/completions', {
    messages,
    stream: true,
  })
  if (recording === undefined) throw new Error('the recording is gone')
  expectSameStream(await answer.text(), bodyText(recording), null)
})

test('a dying engine ends a stream with the recorded error event, and whole answers with 500', async () => {
  const { calls } = readGolden('engine-killed') as EngineKilled
  const path = '/engine/chat/v1/chat/completions'
  const messages = [{ role: 'user', content: '[[sim:engine-dies-after=3]]' }]
  const streamed = await (await simulator.call(path, { messages, stream: true })).text()
  const recorded = calls[0]?.chunks.slice(-3).map(([, text]) => text) ?? []
  expect(streamed.split('\n\n').slice(-3)).toEqual(recorded.join('').split('\n\n').slice(-3))
  const whole = await simulator.call(path, { messages })
  expect(whole.status).toBe(500)
  expect(await whole.text()).toBe(calls[1]?.chunks[0]?.[1])
})

test('a full queue is refused with the recorded 503', async () => {
  const { calls } = readGolden('queue-full') as { calls: { status: number; body: string }[] }
  const messages = [{ role: 'user', content: '[[sim:busy]]' }]
  const answer = await simulator.call('/engine/chat/v1/chat/completions', { messages })
  const recorded = calls.find((call) => call.status === 503)
  expect([answer.status, await answer.text()]).toEqual([503, recorded?.body])
})

test('every difference that is allowed for is one of a recording that exists', () => {
  const names = allRecordings().map(({ name }) => name)
  expect(Object.keys(differences).filter((name) => !names.includes(name))).toEqual([])
})

function replay(recording: Recording): Promise<Response> {
  const { method, path, headers } = recording.request
  const { model } = (recording.request.body ?? {}) as { model?: string }
  const isPooling = /pooling|^embedding-/.test(recording.name) || model === 'smol-embed'
  const endpoint = isPooling ? 'pooling' : 'chat'
  const body = requestBytes(recording)
  const bytes = body === null ? {} : { body: new Uint8Array(body) }
  return fetch(`${simulator.url()}/engine/${endpoint}${path}`, { method, headers, ...bytes })
}

function isStream(recording: Recording): boolean {
  return recording.response.headers['content-type']?.startsWith('text/event-stream') === true
}

function headerNames(headers: Headers | { [name: string]: string }): string[] {
  const names = headers instanceof Headers ? [...headers.keys()] : Object.keys(headers)
  return names.filter((name) => !hopByHop.includes(name)).sort()
}

function expectSameWhole(ours: string, theirs: string, ignored: Field | null): void {
  if (theirs === '') return expect(ours).toBe('')
  const own: unknown = JSON.parse(ours)
  const real: unknown = JSON.parse(theirs)
  expect(without(shapeOf(own), ignored)).toEqual(without(shapeOf(real), ignored))
  if (ignored === null) expect(finishReasons(own)).toEqual(finishReasons(real))
}

function expectSameStream(ours: string, theirs: string, ignored: Field | null): void {
  const own = readEvents(ours)
  const real = readEvents(theirs)
  if (ignored !== 'events') expect(orderOf(own)).toEqual(orderOf(real))
  for (const kind of new Set(real.map((event) => event.kind))) {
    const mine = own.find((event) => event.kind === kind)
    if (mine === undefined && ignored === 'events') continue
    expect(shapeOf(mine?.value)).toEqual(shapeOf(first(real, kind).value))
  }
  const reasons = (events: StreamedEvent[]) => events.flatMap(({ value }) => finishReasons(value))
  if (ignored === null) expect(reasons(own)).toEqual(reasons(real))
}

function first(events: readonly StreamedEvent[], kind: string): StreamedEvent {
  const found = events.find((event) => event.kind === kind)
  if (found === undefined) throw new Error(`no event of kind ${kind}`)
  return found
}

function without(shape: readonly string[], ignored: Field | null): string[] {
  return shape.filter((line) => ignored === null || !line.startsWith(ignored))
}
