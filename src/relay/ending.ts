// How a call ends. Only this file decides which fault wins where several things went wrong: others
// hand in what happened.
import { asFault, Fault, type FaultName } from '#domain'

export type Ending =
  /** The body of a whole answer is held back until the ledger has its row; null: a stream. */
  { kind: 'complete'; whole: string | null } | { kind: 'failed'; fault: Fault }

/** An answer that was no good. */
export function failed(cause: unknown, signal: AbortSignal): Ending {
  return { kind: 'failed', fault: why(cause, signal) }
}

/**
 * A call without an answer. If it ran out of time, its own or what the line allows, while upstreams
 * turned calls away, they are why: what one of them said of this call tells an operator most.
 */
export function unanswered(
  cause: unknown,
  signal: AbortSignal,
  turnedAwayWith: Fault | null,
): Ending {
  const fault = why(cause, signal)
  const isOutOfTime = fault.kind === 'deadline' || fault.turnedAway !== null
  if (!isOutOfTime) return { kind: 'failed', fault }
  const fullLine = cause instanceof Fault && cause.turnedAway !== null ? cause : null
  return { kind: 'failed', fault: turnedAwayWith ?? fullLine ?? fault }
}

/**
 * An answer whose connection broke, or that was abandoned. A stream whose every choice had finished
 * is complete all the same, unless its client is gone or its key was closed.
 */
export function interrupted(cause: unknown, signal: AbortSignal, hasAllChoices: boolean): Ending {
  const isHarmless = !signal.aborted || ourTimeIsUp.has(asFault(signal.reason).kind)
  return hasAllChoices && isHarmless ? { kind: 'complete', whole: null } : failed(cause, signal)
}

const ourTimeIsUp: ReadonlySet<FaultName> = new Set(['deadline', 'draining'])

/** The reason why a call was abandoned wins: whatever broke after that is a consequence. */
function why(cause: unknown, signal: AbortSignal): Fault {
  return asFault(signal.aborted ? signal.reason : cause)
}

/** Nobody is left to hear a word. */
export function isClientGone(kind: FaultName): kind is 'client_gone' | 'slow_client' {
  return kind === 'client_gone' || kind === 'slow_client'
}

export function faultOf(ending: Ending): Fault | null {
  return ending.kind === 'failed' ? ending.fault : null
}
