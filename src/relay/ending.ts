// How a call ends: with everything that was expected, or with a fault.
import { asFault, Fault } from '#domain'

export type Ending =
  /** The whole body is held back until the ledger has its row. */
  { kind: 'complete'; whole: string | null } | { kind: 'failed'; fault: Fault }

/** When a call was abandoned, the reason is why; whatever broke after it is a consequence. */
export function failed(cause: unknown, signal: AbortSignal): Ending {
  const fault = asFault(signal.aborted ? signal.reason : cause)
  // Except for the deadline that passed before a full upstream: there the upstream is why.
  const wasFull = fault.kind === 'deadline' && cause instanceof Fault && cause.turnedAway !== null
  return { kind: 'failed', fault: wasFull ? cause : fault }
}
