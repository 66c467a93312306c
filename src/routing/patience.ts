// How long a call waits for upstreams that are full: `fullWaitMs`, or less if its client says so.
// The time begins when an upstream first turns the call away.
import type { Call, Clock, Fault } from '#domain'

/** What the line needs of it. */
export type WaitsFull = Pick<Patience, 'fullWaitMs' | 'fullUntilTicksMs'>

export class Patience {
  readonly fullWaitMs: number
  /** When the time is over; null: the call was not turned away. */
  fullUntilTicksMs: number | null = null
  readonly #clock: Clock

  constructor({ waitMaxMs }: Pick<Call, 'waitMaxMs'>, clock: Clock, fullWaitMs: number) {
    this.fullWaitMs = Math.min(fullWaitMs, waitMaxMs ?? fullWaitMs)
    this.#clock = clock
  }

  /** Throws `fault` when no time is left for another attempt. */
  spend(fault: Fault, isOnly: boolean): void {
    const nowTicksMs = this.#clock.ticksMs()
    this.fullUntilTicksMs ??= nowTicksMs + this.fullWaitMs
    // If other deployments may answer, the time that this one asks for does not matter.
    const againTicksMs = nowTicksMs + (isOnly ? (fault.retryAfterMs ?? 0) : 0)
    if (againTicksMs > this.fullUntilTicksMs || nowTicksMs >= this.fullUntilTicksMs) throw fault
  }
}
