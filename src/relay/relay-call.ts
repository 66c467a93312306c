// The way of one call, from top to bottom. Whatever happens on it, the call ends in exactly one
// record, and the client hears the end only after the ledger has it.
import { type Call, type Clock, Fault, type Timer } from '#domain'
import type { Reservation } from '#limits'
import type { Route } from '#models'
import type { BegunAnswer, Watcher } from '#routing'
import {
  checkModel,
  refuseTooLong,
  type Surface,
  type UpstreamAsk,
  type UpstreamTarget,
} from '#surfaces'
import type { ClientEnd } from './client-end.ts'
import { Company } from './company.ts'
import { deliver } from './deliver.ts'
import { endCall } from './end-call.ts'
import { type Ending, failed } from './ending.ts'
import { withLikelyCause } from './likely-cause.ts'
import { type SettlePorts, settle } from './settle.ts'
import { Story, type StoryPorts } from './story.ts'

/** What was set aside for a call. Disposing gives back what is not for good: its places. */
export interface Booked extends Disposable {
  reservation: Reservation
  firstAnswer(ask: AnswerAsk): Promise<BegunAnswer>
}

export interface AnswerAsk {
  call: Call
  signal: AbortSignal
  watcher: Watcher
  toUpstream(target: UpstreamTarget): UpstreamAsk
}

export interface BookAsk {
  call: Call
  route: Route
  /** What a server of this dialect would refuse of the call; null: nothing. */
  refusal(dialect: string): Fault | null
  signal: AbortSignal
}

export interface RelayPorts extends StoryPorts, SettlePorts {
  clock: Clock
  /** models: what serves the call; throws 404, 403 or 400. */
  resolveRoute(call: Call): Route
  /** limits and routing, in one step: tokens, places of its key and a waiting place; throws 429. */
  reserve(ask: BookAsk): Promise<Booked>
}

export async function relayCall(
  call: Call,
  surface: Surface,
  client: ClientEnd,
  ports: RelayPorts,
): Promise<void> {
  const story = new Story(call, ports)
  const encoder = surface.encoder(call)
  const company = new Company(client, story, encoder, ports.clock)
  const deadline = abandonAtDeadline(call, client, ports.clock)
  const toUpstream = (target: UpstreamTarget) =>
    surface.toUpstream(call, { ...target, policy: story.model?.policy })
  const refusal = (dialect: string) =>
    surface.refusal(call, { dialect, servedName: '', policy: story.model?.policy })
  let ending: Ending
  let booked: Booked | null = null
  let answer: BegunAnswer | null = null
  try {
    const route = ports.resolveRoute(call)
    story.routed(route.model)
    checkModel(call, route.model)
    refuseTooLong(call, route.model)
    booked = await ports.reserve({ call, route, refusal, signal: client.signal })
    story.reserved(booked.reservation)
    company.start()
    answer = await booked.firstAnswer({ call, signal: client.signal, watcher: story, toUpstream })
    ending = await deliver({ answer, encoder, client, story, clock: ports.clock })
  } catch (cause) {
    ending = withLikelyCause(failed(cause, client.signal), story)
  } finally {
    // Two times `using` would say it better, and costs 1 µs: V8 goes through its runtime for it.
    answer?.[Symbol.dispose]()
    booked?.[Symbol.dispose]()
  }
  answer?.ended(faultOf(ending))
  company.stop()
  deadline.cancel()
  const record = story.freeze(ending, encoder.usage(), client.hasBegun)
  const lost = await settle(record, faultOf(ending), story.reservation, ports)
  if (lost !== null) ending = { kind: 'failed', fault: lost }
  endCall(client, { ending, record, story, encoder, surface })
}

function abandonAtDeadline(call: Call, client: ClientEnd, clock: Clock): Timer {
  return clock.after(call.deadlineTicksMs - clock.ticksMs(), () => {
    const message = 'The call did not finish before its deadline.'
    client.abandon(new Fault('deadline', { message, started: 'maybe' }))
  })
}

function faultOf(ending: Ending): Fault | null {
  return ending.kind === 'failed' ? ending.fault : null
}
