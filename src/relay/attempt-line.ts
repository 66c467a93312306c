// The record of one try. It is complete when both things are known, in whichever order they come:
// how the try ended for the call, and how its place came free.
import {
  type AttemptRecord,
  type Clock,
  type Fault,
  type FaultName,
  faultKinds,
  type HopReason,
  type Released,
} from '#domain'
import type { AttemptLine, Station } from '#routing'

/** What is known of an attempt when it begins. */
export interface AttemptStart {
  requestId: string
  keyId: string
  ordinal: number
  model: string
  station: Station
  why: HopReason | null
  startedAtMs: number
  startedTicksMs: number
  /** The call's place among its key's calls is kept until the attempt is released. */
  onReleased(): void
}

export interface AttemptPorts {
  clock: Clock
  onAttempt(record: AttemptRecord): void
}

export class Attempt implements AttemptLine {
  readonly #start: AttemptStart
  readonly #ports: AttemptPorts
  #isEnded = false
  /** Only the name: a whole fault would keep its call in memory while the place is held. */
  #fault: FaultName | null = null
  #endedTicksMs = 0
  #released: Released | null = null
  #releasedTicksMs = 0

  constructor(start: AttemptStart, ports: AttemptPorts) {
    this.#start = start
    this.#ports = ports
  }

  faulted(fault: Fault): void {
    this.ended(fault)
  }

  /** The call is over: null when this try answered it. */
  ended(fault: Fault | null): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#fault = fault?.kind ?? null
    this.#endedTicksMs = this.#ports.clock.ticksMs()
    this.#writeWhenKnown()
  }

  /** How long the try was the upstream's. */
  tookMs(): number {
    return this.#isEnded ? this.#endedTicksMs - this.#start.startedTicksMs : 0
  }

  /** Nobody said that the work is over, and nothing proved that it stopped. */
  mayGoOn(): boolean {
    return this.#released === null || this.#released.how === 'held'
  }

  released(released: Released): void {
    this.#released = released
    this.#releasedTicksMs = this.#ports.clock.ticksMs()
    this.#start.onReleased()
    this.#writeWhenKnown()
  }

  #writeWhenKnown(): void {
    const released = this.#released
    if (!this.#isEnded || released === null) return
    const { requestId, keyId, ordinal, model, station, why } = this.#start
    const { startedAtMs, startedTicksMs } = this.#start
    const fault = this.#fault
    const lastTicksMs = Math.max(this.#endedTicksMs, this.#releasedTicksMs)
    const wasteReason = wasteOf(fault, released)
    const heldMs = Math.max(0, this.#releasedTicksMs - startedTicksMs)
    this.#ports.onAttempt({
      requestId,
      keyId,
      ordinal,
      model,
      deployment: station.deployment.id,
      transport: station.upstream.transport,
      why,
      startedAtMs,
      durationMs: Math.round(lastTicksMs - startedTicksMs),
      result: fault === null ? 'answered' : isAbandoned(fault) ? 'abandoned' : 'faulted',
      fault,
      released: released.how,
      cancellation: released.cancellation,
      wastedSeconds: wasteReason === null ? 0 : heldMs / 1000,
      wasteReason,
    })
  }
}

/** Why the place was taken for nothing; null when something came of it for the client. */
function wasteOf(fault: FaultName | null, { how }: Released): AttemptRecord['wasteReason'] {
  if (fault === null || how === 'unsent') return null
  if (how === 'held') return 'orphan'
  if (isAbandoned(fault)) return 'client_gone'
  return faultKinds[fault].status === 504 ? 'timeout' : 'retry'
}

/** The client's own doing: it left, did not read, or its key was closed while it waited. */
const abandonedBy = new Set<FaultName>(['client_gone', 'slow_client', 'wrong_key'])

function isAbandoned(fault: FaultName): boolean {
  return abandonedBy.has(fault)
}
