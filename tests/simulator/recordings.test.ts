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
  requestBytes,
  shapeOf,
  type StreamedEvent,
} from './support/recording.ts'
import { runSimulator } from './support/running.ts'

const timing = { stepMs: 1, stepPerSequenceMs: 0, prefillMsPer1k: 1 }
const simulator = runSimulator({
  endpoints: {
    chat: { model: 'smollm2-135m', contextTokens: 2048, timing },
    pooling: { model: 'smol-embed', kind: 'pooling', contextTokens: 512, timing },
  },
})

/** What remains different: one field of one file, and why. */
const differences: { readonly [name: string]: { field: Field; because: string } } = {}

type Field = 'finish_reason' | 'events' | `.${string}`

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
  if (ignored !== 'finish_reason') expect(finishReasons(own)).toEqual(finishReasons(real))
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

