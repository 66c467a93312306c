// A clock that stands still until it is told to go on, so that an hour can pass in a second. What
// falls due on the way is called at its own moment, in order of time and then of asking.
import type { Clock, Timer } from '#domain'
import { openTimerHeap, type WaitingTimer } from './timer-heap.ts'

export interface ManualClock extends Clock {
  readonly isManual: true
  /** Goes on by so much; between two moments whoever waits for a socket or a promise has a turn. */
  advance(ms: number): Promise<void>
  /** The same without turns: for runs that wait for nothing but this clock. */
  run(ms: number): void
  /** Told before each step how long it takes; nothing has changed since the last. */
  onStep(listener: (ms: number) => void): void
}

export function isManualClock(clock: Clock): clock is ManualClock {
  return 'isManual' in clock
}

export function openManualClock(startMs: number): ManualClock {
  const timers = openTimerHeap()
  const listeners: ((ms: number) => void)[] = []
  let elapsedMs = 0
  let asked = 0
  let advancing: Promise<void> = Promise.resolve()

  function stepTo(ms: number): void {
    const step = ms - elapsedMs
    if (step <= 0) return
    for (const listener of listeners) listener(step)
    elapsedMs = ms
  }

  /** False: nothing falls due by then. */
  function fireNext(untilMs: number): boolean {
    const next = timers.takeDue(untilMs)
    if (next === null) return false
    stepTo(next.dueMs)
    next.callback()
    return true
  }

  async function advanceBy(ms: number): Promise<void> {
    const untilMs = elapsedMs + ms
    await turn()
    while (fireNext(untilMs)) await turn()
    stepTo(untilMs)
  }

  return {
    isManual: true,
    nowMs: () => Math.floor(startMs + elapsedMs),
    ticksMs: () => elapsedMs,
    after(delayMs, callback): Timer {
      const timer: WaitingTimer = { dueMs: 0, order: 0, callback, index: -1 }
      let isCancelled = false
      const start = () => {
        if (isCancelled) return
        asked += 1
        timers.remove(timer)
        timer.order = asked
        timer.dueMs = elapsedMs + Math.max(0, delayMs)
        timers.add(timer)
      }
      start()
      const cancel = () => {
        isCancelled = true
        timers.remove(timer)
      }
      return { refresh: start, cancel }
    },
    advance(ms) {
      advancing = advancing.then(() => advanceBy(ms))
      return advancing
    },
    run(ms) {
      const untilMs = elapsedMs + ms
      while (fireNext(untilMs));
      stepTo(untilMs)
    },
    onStep(listener) {
      listeners.push(listener)
    },
  }
}

/** One turn of the event loop: sockets are read, and what waited for promises has run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
