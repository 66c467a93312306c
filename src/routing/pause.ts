// How long a deployment is left alone that said it takes nothing now: longer each time, or until a
// call that it did serve comes to its end. A time that the upstream itself asked for is kept to the
// end: freeing a place would not help.
import type { Clock, Timer, TurnedAway } from '#domain'

/** The pause doubles so often, at most. */
const doublingsMax = 4

export class Pause {
  /** The upstream said that it is full, and has answered no call since. */
  isFull = false
  readonly #clock: Clock
  readonly #busyPauseMs: number
  readonly #onEnd: () => void
  #timer: Timer | null = null
  #untilTicksMs = 0
  #isAsked = false
  /** Why it is paused, or was last. */
  #why: TurnedAway = 'cold'
  #inARow = 0
  #isClosed = false

  constructor(clock: Clock, busyPauseMs: number, onEnd: () => void) {
    this.#clock = clock
    this.#busyPauseMs = busyPauseMs
    this.#onEnd = onEnd
  }

  get isOn(): boolean {
    return this.#timer !== null
  }

  get isOnAsFull(): boolean {
    return this.#timer !== null && this.#why === 'full'
  }

  /** null: it is not paused. */
  leftMs(): number | null {
    if (this.#timer === null) return null
    return Math.max(0, Math.ceil(this.#untilTicksMs - this.#clock.ticksMs()))
  }

  /** How long the upstream asked to be left alone as full; null: it did not. */
  askedLeftMs(): number | null {
    return this.#isAsked && this.isOnAsFull ? this.leftMs() : null
  }

  /** The upstream turned a call away, and may have said for how long. */
  begin(why: TurnedAway, askedMs: number | null): void {
    if (this.#isClosed) return
    if (why === 'full') this.isFull = true
    // Calls that were on their way when the pause began say nothing new.
    if (this.#timer !== null && askedMs === null) return
    this.#why = why
    this.#timer?.cancel()
    const ownMs = this.#busyPauseMs * 2 ** Math.min(this.#inARow, doublingsMax)
    this.#inARow += 1
    this.#isAsked = askedMs !== null
    const pauseMs = askedMs ?? ownMs
    this.#untilTicksMs = this.#clock.ticksMs() + pauseMs
    this.#timer = this.#clock.after(pauseMs, () => this.#end())
  }

  /** The upstream answers a call. */
  served(): void {
    this.#inARow = 0
    this.isFull = false
  }

  /** A call that was served is over: there is a place, unless the upstream asked for a time. */
  placeCameFree(): void {
    if (this.#timer !== null && !this.#isAsked) this.#end()
  }

  /** Nothing begins any more: its station is closed. */
  close(): void {
    this.#isClosed = true
    this.#cancel()
  }

  #cancel(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#isAsked = false
  }

  #end(): void {
    this.#cancel()
    this.#onEnd()
  }
}
