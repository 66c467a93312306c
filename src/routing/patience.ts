// How long a call waits for upstreams that are full: `fullWaitMs`, or less if its client says so,
// from the first time that it was turned away.
import type { Call, Clock, Fault } from '#domain'

/** What of it matters in the line. */
export type WaitsFull = Pick<Patience, 'fullWaitMs' | 'fullUntilTicksMs'>

export class Patience {
  readonly fullWaitMs: number
  /** Until when a call that was turned away waits; null: it was not turned away. */
  fullUntilTicksMs: number | null = null
  readonly #clock: Clock

  constructor({ waitMaxMs }: Pick<Call, 'waitMaxMs'>, clock: Clock, fullWaitMs: number) {
    this.fullWaitMs = Math.min(fullWaitMs, waitMaxMs ?? fullWaitMs)
    this.#clock = clock
  }

  /** Throws `fault` where no time is left for another try. */
  spend(fault: Fault, isOnly: boolean): void {
    const nowTicksMs = this.#clock.ticksMs()
    this.fullUntilTicksMs ??= nowTicksMs + this.fullWaitMs
    // Where others may answer, how long this one wants to be left alone does not matter.
    const againTicksMs = nowTicksMs + (isOnly ? (fault.retryAfterMs ?? 0) : 0)
    if (againTicksMs > this.fullUntilTicksMs || nowTicksMs >= this.fullUntilTicksMs) throw fault
  }
}
