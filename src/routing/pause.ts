// How long no call is sent to a deployment that said it takes nothing now. Each pause in a row is
// longer than the last. A pause ends early when a call that the deployment served has ended, except
// where the upstream itself asked for a time: freeing a place would not help.
import type { Clock, Timer, TurnedAway } from '#domain'

/** How many times the pause doubles at most. */
const doublingsMax = 4

export class Pause {
  /** The upstream said that it is full, and has answered no call since then. */
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

  /** What is left of the time that the full upstream asked for; null: it asked for none. */
  askedLeftMs(): number | null {
    return this.#isAsked && this.isOnAsFull ? this.leftMs() : null
  }

  /** The upstream turned a call away; `askedMs`: for how long, if it said so. */
  begin(why: TurnedAway, askedMs: number | null): void {
    if (this.#isClosed) return
    if (why === 'full') this.isFull = true
    // A call that was sent before the pause began says nothing new.
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

  /** A call that the upstream served has ended, so there is a place now. */
  placeCameFree(): void {
    if (this.#timer !== null && !this.#isAsked) this.#end()
  }

  /** The station is closed: no pause begins any more. */
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
