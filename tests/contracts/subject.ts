// What the contract suite is run against: a kind of upstream, opened against a server on a socket of
// this machine, and the attempts that are made at it.
import { onTestFinished } from 'vitest'
import {
  type Answer,
  type Cancellation,
  Fault,
  type Progress,
  type Released,
  systemClock,
  type Upstream,
  type UpstreamEvent,
} from '#src/domain/index.ts'
import {
  openUpstream,
  type UpstreamKinds,
  type UpstreamOptions,
  upstreamOptions,
} from '#src/upstreams/index.ts'
import { sampleDeployment } from '../support/scripted-deployment.ts'
import { type Script, type ScriptedUpstream, startUpstream } from '../support/scripted-upstream.ts'

export interface Subject {
  kind: string
  /** The kind's own options for a server at this address. */
  options(baseUrl: string): Record<string, unknown>
  /** What the server sees. */
  path: string
  keyHeader: [name: string, value: string]
  cancellation: Cancellation
  table?: UpstreamKinds
}

export const upstreamSecret = 'upstream-key-0123456789abcdef'

export type GivenOptions = Partial<UpstreamOptions>

/** Of the holds only that they are short matters, unless a test says otherwise. */
const shortHold = { orphanHoldMs: 1 }

export function openSubject(subject: Subject, url: string, given: GivenOptions = {}): Upstream {
  const deployment = sampleDeployment({
    kind: subject.kind,
    slots: 4,
    options: subject.options(url),
  })
  const options = upstreamOptions.parse({ ...shortHold, ...given })
  const settings = { section: {}, secret: () => upstreamSecret }
  const latest = () => deployment
  const context = { deployment, latest, options, settings, clock: systemClock }
  const upstream =
    subject.table === undefined ? openUpstream(context) : openUpstream(context, subject.table)
  onTestFinished(() => upstream.close())
  return upstream
}

export interface Peer {
  server: ScriptedUpstream
  upstream: Upstream
}

/** A server that follows the script, and the subject opened against it. */
export async function meet(subject: Subject, script: Script, given?: GivenOptions): Promise<Peer> {
  const server = await startUpstream(script)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return { server, upstream: openSubject(subject, server.url, given) }
}

export interface Attempt {
  answer: Promise<Answer>
  abandon(fault: Fault): void
  released: Promise<Released>
  /** Everything that was said about the place. */
  releases: Released[]
  phases: Progress['phase'][]
}

export const clientGone = new Fault('client_gone', { message: 'The client left.' })

export function attempt(upstream: Upstream, stream = true, signal?: AbortSignal): Attempt {
  const controller = new AbortController()
  const { promise: released, resolve } = Promise.withResolvers<Released>()
  const releases: Released[] = []
  const phases: Progress['phase'][] = []
  const answer = upstream.open(
    { requestId: 'req_1', path: '/v1/chat/completions', body: requestBody(stream), stream },
    {
      signal: signal ?? controller.signal,
      deadlineTicksMs: Number.POSITIVE_INFINITY,
      onProgress: ({ phase }) => void phases.push(phase),
      onReleased(one) {
        releases.push(one)
        resolve(one)
      },
    },
  )
  // Whoever awaits it still sees the rejection.
  answer.catch(() => {})
  return { answer, released, releases, phases, abandon: (fault) => controller.abort(fault) }
}

export function requestBody(stream: boolean): Buffer {
  return Buffer.from(JSON.stringify({ model: 'served/model', stream, text: 'Grüße 🚀' }))
}

/** Everything that an answer says: its events, then how it ended. */
export interface Told {
  events: UpstreamEvent[]
  fault: Fault | null
}

export async function listen(answer: Answer): Promise<Told> {
  const events: UpstreamEvent[] = []
  try {
    for (;;) {
      const event = await answer.next()
      if (event === null) return { events, fault: null }
      events.push(event)
    }
  } catch (cause) {
    return { events, fault: faultIn(cause) }
  }
}

/** The fault in whose place there is no answer: of the head, or of the first event. */
export async function failureOf({ answer }: Attempt): Promise<Fault> {
  let told: Told
  try {
    told = await listen(await answer)
  } catch (cause) {
    return faultIn(cause)
  }
  const [first] = told.events
  if (first?.kind === 'failed') return first.fault
  if (told.fault !== null && first === undefined) return told.fault
  throw new Error(`there was an answer: ${JSON.stringify(first)}`)
}

function faultIn(cause: unknown): Fault {
  if (cause instanceof Fault) return cause
  throw new Error('what was thrown is no fault', { cause })
}

/** One turn of the event loop. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The release of work that was torn down, by what the kind can promise. */
export function tornDown({ cancellation }: Subject): Released {
  return cancellation === 'proven'
    ? { how: 'destroyed', cancellation: 'proven' }
    : { how: 'held', cancellation: 'hoped' }
}
