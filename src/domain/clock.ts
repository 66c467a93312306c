// Time. Every deadline and interval goes through a `Clock`, so that tests can advance time by hand
// and the simulator can run faster than real time.

/** A callback that is due once. */
export interface Timer {
  /** Starts the interval anew: cheap enough for every chunk of a stream. */
  refresh(): void
  cancel(): void
}

export interface Clock {
  /** Milliseconds since 1970, an integer. */
  nowMs(): number
  /** Milliseconds that never go back, with a fraction: for durations. */
  ticksMs(): number
  /** Calls back once, `delayMs` from now, unless cancelled. */
  after(delayMs: number, callback: () => void): Timer
}

/** The global `performance` is a getter: a look at the clock through it costs thrice as much. */
const { performance } = globalThis

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  ticksMs: () => performance.now(),
  after: (delayMs, callback) => new SystemTimer(delayMs, callback),
}

/** A class: one object for each timer, where a literal would make two closures beside it. */
class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout

  constructor(delayMs: number, callback: () => void) {
    // Node would warn of a negative delay.
    this.#timeout = setTimeout(callback, Math.min(Math.max(delayMs, 0), 0x7fffffff))
  }

  refresh(): void {
    this.#timeout.refresh()
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }
}
