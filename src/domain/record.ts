// What is left of a call: one frozen record, from which its log line, metrics and ledger row come.
import type { FaultName } from './fault.ts'
import type { TokenPrices } from './model.ts'
import type { NanoUsd } from './money.ts'
import type { Cancellation, Released } from './upstream.ts'
import type { Usage } from './usage.ts'

/** How a call ended. */
export type Outcome = 'ok' | 'refused' | 'failed' | 'client_gone' | 'slow_client' | 'timeout'

export interface CallRecord {
  requestId: string
  clientRequestId: string | null
  keyId: string
  teamId: string | null
  endUserHash: string | null
  surface: string
  model: string
  deployment: string | null
  transport: string | null
  upstreamId: string | null
  workerId: string | null
  receivedAtMs: number
  status: number
  outcome: Outcome
  errorCode: string | null
  fault: FaultName | null
  stream: boolean
  attempts: number
  durationMs: number
  /** The time that it waited for a place of its deployment or of its key. */
  queueMs: number
  /** From the start to the first event that reached the client. */
  ttftMs: number | null
  execMs: number | null
  /** Our own time: neither the queue's, nor the upstream's, nor the client's. */
  overheadMs: number
  /** From the first to the last event. */
  streamMs: number | null
  coldStart: boolean
  usage: Usage
  prices: TokenPrices
  chargeNanoUsd: NanoUsd
  gpuSeconds: number | null
  /** The call was torn down and its work may go on: it is priced like that. */
  possibleOrphan: boolean
}

/** Why an attempt was not made at the first choice, or not made first. */
export type HopReason = 'circuit' | 'cold' | 'full' | 'fault' | 'unreachable' | 'deadline'

/** One attempt at one deployment, written when its place is free again. */
export interface AttemptRecord {
  requestId: string
  /** Whose call it was. */
  keyId: string
  ordinal: number
  model: string
  deployment: string
  transport: string
  /** null: it is the call's first attempt, at its first choice. */
  why: HopReason | null
  startedAtMs: number
  durationMs: number
  result: 'answered' | 'faulted' | 'abandoned'
  fault: FaultName | null
  released: Released['how']
  cancellation: 'none' | Cancellation
  /** How long the place was taken for nothing, and why. */
  wastedSeconds: number
  wasteReason: 'client_gone' | 'timeout' | 'retry' | 'orphan' | null
}
