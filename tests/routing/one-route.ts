// One call on its way to a deployment that is in the test's hands, on a clock that stands still.
import { type Call, Fault, type FaultName, type Started } from '#src/domain/index.ts'
import type { Booking } from '#src/routing/index.ts'
import {
  createRouting,
  type RoutingOptions,
  routingOptions,
  type Watcher,
} from '#src/routing/index.ts'
import { chatCall } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleModel } from '../support/sample-model.ts'
import {
  chunkEvent,
  type Opened,
  type ScriptedDeployment,
  unheard,
} from '../support/scripted-deployment.ts'
import { never } from './door.ts'

export interface Given {
  call?: Partial<Call>
  signal?: AbortSignal
  toUpstream?: () => { path: string; body: Buffer }
  options?: Partial<RoutingOptions>
}

/** One call on its way to one deployment; what it tells is kept in order. */
export function route(upstream: ScriptedDeployment, given: Given = {}, waitingMax = 100) {
  const told: string[] = []
  const turnedAway: Fault[] = []
  const clock = createFakeClock()
  const options = routingOptions.parse({ waitingMax, fullWaitMs: 600_000, ...given.options })
  const ports = { clock, open: () => upstream, ...unheard }
  const routing = createRouting(ports, options)
  const model = sampleModel()
  routing.follow([model])
  const call = chatCall({}, given.call)
  const watcher: Watcher = {
    queued: () => void told.push('queued'),
    leftQueue: () => void told.push('left the line'),
    turnedAway: (fault) => void turnedAway.push(fault),
    progress: ({ phase }) => void told.push(phase),
    began() {
      told.push('began')
      return {
        faulted: ({ kind }) => void told.push(`faulted ${kind}`),
        released: ({ how }) => void told.push(`released ${how}`),
      }
    },
  }
  const book = () => routing.book({ call, refusal: () => null }, model)
  const ask = (booked: Booking, { signal = never, toUpstream = plain }: Given) =>
    routing
      .firstAnswer({ call, booking: booked, signal, watcher, toUpstream })
      .catch((cause: unknown) => cause)
  const booking = book()
  /** Another call behind the first. */
  const askBehind = (behind: Given) => ask(book(), behind)
  return { told, turnedAway, clock, routing, booking, askBehind, answer: ask(booking, given) }
}

const plain = () => ({ path: '/p', body: Buffer.from('b') })

export function fails(open: Opened, kind: FaultName, started: Started): Fault {
  const fault = new Fault(kind, { message: 'm', started })
  open.context.onReleased({ how: 'unsent', cancellation: 'none' })
  open.reject(fault)
  return fault
}

export const first = chunkEvent({ choices: [] })
