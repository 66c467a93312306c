// The one deadline of an exchange. It moves with every phase and every chunk, but its timer hardly
// ever does: a timer that fires too early looks how much time is left, and sleeps again. Most
// answers end before their first deadline (to connect) would have passed, and need only one timer.
import type { Clock, Fault, Timer } from '#domain'

export class Deadline {
  readonly #clock: Clock
  readonly #onPassed: (late: () => Fault) => void
  #timer: Timer | null = null
  #wakesTicksMs = 0
  #dueTicksMs = 0
  #late: (() => Fault) | null = null

  constructor(clock: Clock, onPassed: (late: () => Fault) => void) {
    this.#clock = clock
    this.#onPassed = onPassed
  }

  /** Counted from now; replaces the deadline before. */
  set(inMs: number, late: () => Fault): void {
    this.#late = late
    this.#dueTicksMs = this.#clock.ticksMs() + inMs
    if (this.#timer === null || this.#wakesTicksMs > this.#dueTicksMs) this.#wakeIn(inMs)
  }

  clear(): void {
    this.#late = null
    this.#timer?.cancel()
    this.#timer = null
  }

  #wakeIn(ms: number): void {
    this.#timer?.cancel()
    this.#wakesTicksMs = this.#clock.ticksMs() + ms
    this.#timer = this.#clock.after(ms, () => this.#look())
  }

  #look(): void {
    this.#timer = null
    if (this.#late === null) return
    const leftMs = this.#dueTicksMs - this.#clock.ticksMs()
    if (leftMs > 0) this.#wakeIn(leftMs)
    else this.#onPassed(this.#late)
  }
}
