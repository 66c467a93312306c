// Makes a story into its record, once, at its end. Log line, metrics and ledger row are made from
// the frozen record and so cannot disagree.
import { chargeFor } from '#accounting'
import type { CallRecord, Fault, Outcome, TokenPrices, Usage } from '#domain'
import type { Attempt } from './attempt-line.ts'
import { believableUsage } from './believable-usage.ts'
import { isClientGone } from './ending.ts'
import type { Story } from './story.ts'

const noPrices: TokenPrices = { promptNanoUsd: 0, completionNanoUsd: 0, cachedNanoUsd: 0 }

/** How a story ends. */
export interface StoryEnd {
  fault: Fault | null
  /** What the upstream said, or what was counted. */
  usage: Usage
  /** The client has seen a status. */
  hasBegun: boolean
  ticksMs: number
}

export function freeze(story: Story, end: StoryEnd): Readonly<CallRecord> {
  const { call, attempts } = story
  const { fault } = end
  const attempt = attempts?.latest ?? null
  const delivery = attempt?.delivery ?? null
  const timings = delivery?.timings ?? null
  const first = delivery?.firstEventTicksMs ?? null
  const last = delivery?.lastEventTicksMs ?? null
  const usage = believableUsage(end.usage, call, story.model)
  const prices = story.model?.prices ?? noPrices
  return Object.freeze({
    requestId: call.id,
    clientRequestId: call.clientRequestId,
    keyId: call.key.id,
    teamId: call.key.teamId,
    endUserHash: call.endUserHash,
    surface: call.surface,
    model: story.modelId,
    deployment: attempt?.start.station.deployment.id ?? null,
    transport: attempt?.start.station.upstream.transport ?? null,
    upstreamId: timings?.upstreamId ?? null,
    workerId: timings?.workerId ?? null,
    receivedAtMs: call.receivedAtMs,
    status: fault === null || end.hasBegun ? 200 : fault.rule.status,
    outcome: outcomeOf(fault, attempts !== null),
    errorCode: fault === null ? null : (fault.rule.code ?? fault.kind),
    fault: fault?.kind ?? null,
    stream: call.stream,
    attempts: attempt?.start.ordinal ?? 0,
    durationMs: Math.round(end.ticksMs - call.receivedTicksMs),
    queueMs: Math.round(attempts?.queueMs ?? 0),
    ttftMs: first === null ? null : Math.round(first - call.receivedTicksMs),
    execMs: timings?.execMs ?? null,
    overheadMs: overheadOf(story, end.ticksMs),
    streamMs: first === null || last === null ? null : last - first,
    coldStart: attempt?.start.isColdStart ?? false,
    usage,
    prices,
    chargeNanoUsd: chargeFor(usage, prices),
    gpuSeconds: null,
    possibleOrphan: isPossibleOrphan(attempt, fault),
  })
}

function outcomeOf(fault: Fault | null, isAccepted: boolean): Outcome {
  if (fault === null) return 'ok'
  // Also where the client left before: a call that was not accepted has no row.
  if (!isAccepted) return 'refused'
  if (isClientGone(fault.kind)) return fault.kind
  return fault.rule.status === 504 ? 'timeout' : 'failed'
}

/** Our own time: before the last attempt, less queue and other attempts, and after the answer. */
function overheadOf({ call, attempts }: Story, endTicksMs: number): number {
  const queueMs = attempts?.queueMs ?? 0
  const attempt = attempts?.latest ?? null
  if (attempts === null || attempt === null) {
    return round3(endTicksMs - call.receivedTicksMs - queueMs)
  }
  const before = attempt.start.startedTicksMs - call.receivedTicksMs - queueMs - attempts.triedMs
  const { delivery } = attempt
  const after = delivery === null ? 0 : endTicksMs - delivery.endedTicksMs
  return round3(Math.max(0, before) + after)
}

/** The call was torn down, and nothing proves that its upstream stopped. */
function isPossibleOrphan(attempt: Attempt | null, fault: Fault | null): boolean {
  if (fault === null || attempt === null) return false
  return attempt.start.station.upstream.cancellation === 'hoped' && attempt.mayGoOn()
}

function round3(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
