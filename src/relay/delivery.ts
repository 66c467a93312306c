// When the events of an answer came, and whether its client keeps up.
import type { AnswerTimings, Clock } from '#domain'

/** An answer on its way to its client. */
export class Delivery {
  readonly timings: AnswerTimings
  readonly firstEventTicksMs: number
  /** null: not even the first event could be passed on. */
  lastEventTicksMs: number | null = null
  /** When the answer ended, well or badly: from then on, time is ours and not the upstream's. */
  endedTicksMs: number
  /** There is text that the client has yet to read. */
  isClientReading = false
  readonly #clock: Clock

  constructor(timings: AnswerTimings, clock: Clock) {
    this.timings = timings
    this.#clock = clock
    this.firstEventTicksMs = clock.ticksMs()
    this.endedTicksMs = this.firstEventTicksMs
  }

  event(): void {
    this.lastEventTicksMs = this.#clock.ticksMs()
  }

  ended(): void {
    this.endedTicksMs = this.#clock.ticksMs()
  }

  whileClientReads(drained: Promise<void>): Promise<void> {
    this.isClientReading = true
    return drained.finally(() => {
      this.isClientReading = false
    })
  }
}
