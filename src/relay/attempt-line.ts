// One attempt, and its record. The record is written once two things are known, in either order:
// how the attempt ended for the call, and how the upstream released its place.
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
import type { Delivery } from './delivery.ts'

/** What is known of an attempt when it begins. */
export interface AttemptStart {
  requestId: string
  keyId: string
  ordinal: number
  model: string
  station: Station
  /** null: it is the call's first, at the first choice of the policy. */
  why: HopReason | null
  isFallback: boolean
  /** The deployment had no worker. */
  isColdStart: boolean
  startedAtMs: number
  startedTicksMs: number
  /** Until then, the call keeps its places among its key's calls. */
  onReleased(): void
}

export interface AttemptPorts {
  clock: Clock
  onAttempt(record: AttemptRecord): void
}

interface AttemptEnd {
  /** Only the name: a whole fault would keep its call in memory while the place is held. */
  fault: FaultName | null
  ticksMs: number
}

interface AttemptRelease {
  released: Released
  ticksMs: number
}

export class Attempt implements AttemptLine {
  readonly start: AttemptStart
  /** null: no answer began. */
  delivery: Delivery | null = null
  readonly #ports: AttemptPorts
  #end: AttemptEnd | null = null
  #release: AttemptRelease | null = null

  constructor(start: AttemptStart, ports: AttemptPorts) {
    this.start = start
    this.#ports = ports
  }

  faulted(fault: Fault): void {
    this.ended(fault)
  }

  /** The call is over; null: this attempt answered it. Only the first end counts. */
  ended(fault: Fault | null): void {
    if (this.#end !== null) return
    this.#end = { fault: fault?.kind ?? null, ticksMs: this.#ports.clock.ticksMs() }
    this.#writeWhenKnown()
  }

  /** How long the call waited for the upstream here. */
  tookMs(): number {
    return this.#end === null ? 0 : this.#end.ticksMs - this.start.startedTicksMs
  }

  /** The upstream neither said that its work is over nor provably stopped. */
  mayGoOn(): boolean {
    return this.#release === null || this.#release.released.how === 'held'
  }

  released(released: Released): void {
    this.#release = { released, ticksMs: this.#ports.clock.ticksMs() }
    this.start.onReleased()
    this.#writeWhenKnown()
  }

  #writeWhenKnown(): void {
    if (this.#end === null || this.#release === null) return
    const { requestId, keyId, ordinal, model, station, why } = this.start
    const { startedAtMs, startedTicksMs } = this.start
    const { fault, ticksMs: endedTicksMs } = this.#end
    const { released, ticksMs: releasedTicksMs } = this.#release
    const lastTicksMs = Math.max(endedTicksMs, releasedTicksMs)
    const wasteReason = wasteOf(fault, released)
    const heldMs = Math.max(0, releasedTicksMs - startedTicksMs)
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

/** Why the place was taken for nothing; null: the client got something for it. */
function wasteOf(fault: FaultName | null, { how }: Released): AttemptRecord['wasteReason'] {
  if (fault === null || how === 'unsent') return null
  if (how === 'held') return 'orphan'
  if (isAbandoned(fault)) return 'client_gone'
  return faultKinds[fault].status === 504 ? 'timeout' : 'retry'
}

/** The client left, did not read, or its key was closed while it waited. */
const abandonedBy = new Set<FaultName>(['client_gone', 'slow_client', 'wrong_key'])

function isAbandoned(fault: FaultName): boolean {
  return abandonedBy.has(fault)
}
