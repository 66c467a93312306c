// The record of one try. It is complete when both things are known, in whichever order they come:
// how the try ended for the call, and how its place came free.
import type { AttemptRecord, Fault, FaultName, Released } from '#domain'
import type { AttemptLine, Station } from '#routing'

export interface OpenAttempt extends AttemptLine {
  /** The call is over: null when this try answered it. */
  ended(fault: Fault | null): void
  /** Nobody said that the work is over, and nothing proved that it stopped. */
  mayGoOn(): boolean
}

export interface AttemptStart {
  requestId: string
  ordinal: number
  model: string
  station: Station
  startedAtMs: number
  startedTicksMs: number
}

export function openAttempt(
  start: AttemptStart,
  ticksMs: () => number,
  write: (record: AttemptRecord) => void,
): OpenAttempt {
  let end: { fault: Fault | null; atTicksMs: number } | null = null
  let release: { released: Released; atTicksMs: number } | null = null

  function writeWhenKnown(): void {
    if (end === null || release === null) return
    const { fault } = end
    const { released } = release
    const lastTicksMs = Math.max(end.atTicksMs, release.atTicksMs)
    write({
      requestId: start.requestId,
      ordinal: start.ordinal,
      model: start.model,
      deployment: start.station.deployment.id,
      transport: start.station.upstream.transport,
      startedAtMs: start.startedAtMs,
      durationMs: Math.round(lastTicksMs - start.startedTicksMs),
      result: fault === null ? 'answered' : isAbandoned(fault) ? 'abandoned' : 'faulted',
      fault: fault?.kind ?? null,
      released: released.how,
      cancellation: released.cancellation,
      ...wasteOf(fault, released, release.atTicksMs - start.startedTicksMs),
    })
  }

  function endWith(fault: Fault | null): void {
    if (end !== null) return
    end = { fault, atTicksMs: ticksMs() }
    writeWhenKnown()
  }

  return {
    faulted: endWith,
    ended: endWith,
    mayGoOn: () => release === null || release.released.how === 'held',
    released(released) {
      release = { released, atTicksMs: ticksMs() }
      writeWhenKnown()
    },
  }
}

/** How long the place was taken, when nothing came of it for the client. */
function wasteOf(fault: Fault | null, released: Released, heldMs: number) {
  const wastedSeconds = Math.max(0, heldMs) / 1000
  if (fault === null || released.how === 'unsent') return { wastedSeconds: 0, wasteReason: null }
  if (released.how === 'held') return { wastedSeconds, wasteReason: 'orphan' as const }
  if (isAbandoned(fault)) return { wastedSeconds, wasteReason: 'client_gone' as const }
  if (fault.rule.status === 504) return { wastedSeconds, wasteReason: 'timeout' as const }
  return { wastedSeconds, wasteReason: 'retry' as const }
}

/** The client's own doing: it left, did not read, or its key was closed while it waited. */
const abandonedBy = new Set<FaultName>(['client_gone', 'slow_client', 'wrong_key'])

function isAbandoned(fault: Fault): boolean {
  return abandonedBy.has(fault.kind)
}
