// One call on its way through the relay, with a deployment and a client in the test's hands, on a
// clock that stands still. Everything that becomes known is kept in one list, in order.
import {
  type AttemptRecord,
  type CallRecord,
  Fault,
  type UpstreamEvent,
} from '#src/domain/index.ts'
import { createLimits, limitsOptions } from '#src/limits/index.ts'
import { type RelayPorts, relayCall } from '#src/relay/index.ts'
import { createRouting, routingOptions } from '#src/routing/index.ts'
import { chatCall, chatSurface } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { recordingClient } from '../support/recording-client.ts'
import { sampleModel } from '../support/sample-model.ts'
import { chunkEvent, scriptedDeployment, unheard } from '../support/scripted-deployment.ts'

const model = sampleModel()

export interface GivenCall {
  body?: Record<string, unknown>
  capacity?: number
  deadlineMs?: number
  waitMaxMs?: number
  cancellation?: 'proven' | 'hoped'
  reserve?: RelayPorts['limits']['reserve']
  ports?: Partial<RelayPorts>
}

export function startCall(given: GivenCall = {}) {
  const happened: string[] = []
  const clock = createFakeClock()
  const { capacity = 1, cancellation = 'proven' } = given
  const deployment = scriptedDeployment(capacity, { cancellation })
  const client = recordingClient(happened)
  const records: CallRecord[] = []
  const attempts: AttemptRecord[] = []
  const faults: (Fault | null)[] = []
  const limits = createLimits(limitsOptions.parse({}), { clock, latest: (key) => key })
  const routing = createRouting(
    { clock, open: () => deployment, ...unheard },
    routingOptions.parse({}),
  )
  routing.follow([model])
  const ports: RelayPorts = {
    clock,
    routing,
    limits: {
      ...limits,
      async reserve(ask, signal) {
        await limits.takeRequest(ask.call.key)
        return (given.reserve ?? limits.reserve)(ask, signal)
      },
    },
    resolveRoute: () => ({ model }),
    ledger: {
      state: () => 'ok',
      async append() {
        happened.push('ledger begins')
        await new Promise((resolve) => setImmediate(resolve))
        happened.push('ledger')
      },
    },
    observe: () => void happened.push('metrics'),
    log(record, fault) {
      happened.push('log')
      records.push(record)
      faults.push(fault)
    },
    onAttempt: (record) => void attempts.push(record),
    ...given.ports,
  }
  const deadlineTicksMs = clock.ticksMs() + (given.deadlineMs ?? 600_000)
  const { waitMaxMs = null } = given
  const call = chatCall({ stream: true, ...given.body }, { deadlineTicksMs, waitMaxMs })
  const ended = relayCall(call, chatSurface(), client, ports)
  return { call, client, clock, deployment, ended, happened, records, attempts, faults }
}

export const released = { how: 'ended', cancellation: 'none' } as const

export function said(content: string): UpstreamEvent {
  return chunkEvent({ id: '1', choices: [{ index: 0, delta: { content }, finish_reason: null }] })
}

export function finished(index = 0): UpstreamEvent {
  return chunkEvent({ id: '1', choices: [{ index, delta: {}, finish_reason: 'stop' }] })
}

export function usage(prompt: number, completion: number): UpstreamEvent {
  const total = prompt + completion
  const count = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total }
  return chunkEvent({ id: '1', choices: [], usage: count })
}

export const done: UpstreamEvent = { kind: 'done' }

export function whole(content: string): UpstreamEvent {
  const value = {
    id: '1',
    model: 'served',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
  }
  return { kind: 'whole', text: JSON.stringify(value), value }
}

export function brokenOff(): Fault {
  return new Fault('upstream_cut', { message: 'It broke.', started: 'yes' })
}

/** The data of the events in a client's bytes; comments left out. */
export function eventsIn(text: string): string[] {
  const blocks = text.split('\n\n').filter((block) => block.startsWith('data: '))
  return blocks.map((block) => block.slice(6))
}
