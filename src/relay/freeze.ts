// Makes a story into its record.
import type { CallRecord, Fault, Outcome } from '#domain'
import type { Ending } from './ending.ts'
import type { Story } from './story.ts'

type Bill = Pick<CallRecord, 'usage' | 'prices' | 'chargeNanoUsd'>

export function freeze(story: Story, ending: Ending, bill: Bill, hasBegun: boolean): CallRecord {
  const { call, station, timings } = story
  const fault = ending.kind === 'failed' ? ending.fault : null
  const endTicksMs = story.nowTicksMs
  const first = story.firstEventTicksMs
  const last = story.lastEventTicksMs
  return {
    requestId: call.id,
    clientRequestId: call.clientRequestId,
    keyId: call.key.id,
    teamId: call.key.teamId,
    endUserHash: call.endUserHash,
    surface: call.surface,
    model: story.modelId,
    deployment: station?.deployment.id ?? null,
    transport: station?.upstream.transport ?? null,
    upstreamId: timings?.upstreamId ?? null,
    workerId: timings?.workerId ?? null,
    receivedAtMs: call.receivedAtMs,
    status: statusOf(fault, hasBegun),
    outcome: outcomeOf(fault, story.reservation !== null),
    errorCode: fault === null ? null : (fault.rule.code ?? fault.kind),
    fault: fault?.kind ?? null,
    stream: call.stream,
    attempts: story.attempts,
    durationMs: Math.round(endTicksMs - call.receivedTicksMs),
    queueMs: Math.round(story.queueMs),
    ttftMs: first === null ? null : Math.round(first - call.receivedTicksMs),
    execMs: timings?.execMs ?? null,
    overheadMs: overheadOf(story, endTicksMs),
    streamMs: first === null || last === null ? null : last - first,
    coldStart: story.isColdStart,
    usage: bill.usage,
    prices: bill.prices,
    chargeNanoUsd: bill.chargeNanoUsd,
    gpuSeconds: null,
    possibleOrphan: isPossibleOrphan(story, fault),
  }
}

function statusOf(fault: Fault | null, hasBegun: boolean): number {
  return fault === null || hasBegun ? 200 : fault.rule.status
}

function outcomeOf(fault: Fault | null, isAccepted: boolean): Outcome {
  if (fault === null) return 'ok'
  // Whoever left before was refused all the same: there is no row, so there must be no call.
  if (!isAccepted) return 'refused'
  if (fault.kind === 'client_gone' || fault.kind === 'slow_client') return fault.kind
  return fault.rule.status === 504 ? 'timeout' : 'failed'
}

/** Our own time: until the request was sent, less queue and tries, and after the answer's end. */
function overheadOf(story: Story, endTicksMs: number): number {
  const { call, queueMs, triedMs, sentTicksMs, answeredTicksMs } = story
  if (sentTicksMs === null) return round3(endTicksMs - call.receivedTicksMs - queueMs)
  const before = sentTicksMs - call.receivedTicksMs - queueMs - triedMs
  const after = answeredTicksMs === null ? 0 : endTicksMs - answeredTicksMs
  return round3(Math.max(0, before) + after)
}

/** Torn down where nothing proves that it stopped. What the upstream itself ended is over. */
function isPossibleOrphan({ attempt, station }: Story, fault: Fault | null): boolean {
  if (fault === null || attempt === null) return false
  return station?.upstream.cancellation === 'hoped' && attempt.mayGoOn()
}

function round3(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
