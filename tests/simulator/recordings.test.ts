// The simulated engine against a real one: every recorded request is sent to it, and the answer must
// have the status, headers, keys in order, types and events of the recording; refusals every byte.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EngineServer, openEngineServer } from './support/engine-server.ts'
import {
  allRecordings,
  bodyText,
  finishReasons,
  orderOf,
  type Recording,
  readEvents,
  requestBytes,
  type StreamedEvent,
  shapeOf,
} from './support/recording.ts'

const timing = { stepMs: 0.1, stepPerSequenceMs: 0, prefillMsPer1k: 0.1 }
const chat = { model: 'smollm2-135m', contextTokens: 2048, timing }

/** The three servers that were recorded, with their flags. */
const recordedServers = {
  chat: { model: chat, seqsMax: 4 },
  pooling: {
    model: {
      ...{ model: 'smol-embed', kind: 'pooling', contextTokens: 512, timing },
      engine: { dimensions: [32, 64] },
    },
  },
  flags: {
    model: {
      ...chat,
      engine: {
        queuedRequestsMax: 2,
        shutdownTimeoutMs: 20_000,
        requestIdHeaders: true,
        forceUsage: true,
        promptDetails: true,
      },
    },
    seqsMax: 4,
  },
}

const servers = new Map<string, EngineServer>()
beforeAll(async () => {
  for (const [name, settings] of Object.entries(recordedServers)) {
    servers.set(name, await openEngineServer(settings))
  }
})
afterAll(async () => {
  for (const server of servers.values()) await server.close()
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
    because: 'the recorded model said nothing; ours does so only when it is told to',
  },
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

test('every difference that is allowed for is one of a recording that exists', () => {
  const names = allRecordings().map(({ name }) => name)
  expect(Object.keys(differences).filter((name) => !names.includes(name))).toEqual([])
})

function replay(recording: Recording): Promise<Response> {
  const { method, path, headers } = recording.request
  const body = requestBytes(recording)
  const bytes = body === null ? {} : { body: new Uint8Array(body) }
  const url = servers.get(serverOf(recording))?.url
  return fetch(`${url}${path}`, { method, headers, ...bytes })
}

function serverOf({ name, request }: Recording): keyof typeof recordedServers {
  const { model } = (request.body ?? {}) as { model?: string }
  if (name.startsWith('flags-')) return 'flags'
  return /pooling|^embedding-/.test(name) || model === 'smol-embed' ? 'pooling' : 'chat'
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
    const [mine, theirs] = [own, real].map((events) => shapesOf(events, kind))
    if (mine?.length === 0 && ignored === 'events') continue
    expect(theirs).toEqual(expect.arrayContaining(mine ?? []))
  }
  const reasons = (events: StreamedEvent[]) => events.flatMap(({ value }) => finishReasons(value))
  if (ignored === null) expect(reasons(own)).toEqual(reasons(real))
}

/** Every form that events of this kind have. */
function shapesOf(events: readonly StreamedEvent[], kind: string): string[] {
  const shapes = events.filter((event) => event.kind === kind).map(({ value }) => shapeOf(value))
  return [...new Set(shapes.map((shape) => shape.join('\n')))]
}

function without(shape: readonly string[], ignored: Field | null): string[] {
  return shape.filter((line) => ignored === null || !line.startsWith(ignored))
}
