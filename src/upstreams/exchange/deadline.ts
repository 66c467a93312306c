// The one deadline of an exchange. It moves with every phase and every chunk, its timer hardly
// ever: a timer that wakes too early looks how much is left and sleeps again. Most answers are over
// before the first of their deadlines (to connect) would have passed, and so need one timer in all.
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

  /** From now on, and instead of what was set before. */
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
