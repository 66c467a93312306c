// The places of one deployment. A call first takes a waiting place (bounded, at once or refused),
// then waits in line for a permit, and holds the permit until the upstream's work is over: a slow
// reader must not hold a free GPU slot, and an orphan must.
//
// An upstream that says it is full is left alone for a while, longer each time, or until a call
// that it did serve comes to its end; who was turned away goes back to the head of the line. A time
// that the upstream itself asked for is kept to the end: freeing a place would not help. Until it
// answers a call again, nobody who saw it turn a call away, or joined its line while it was paused
// for that, waits there longer than `fullWaitMs`.
import type { Clock, Timer, TurnedAway, Upstream } from '#domain'
import { fullFor, lineFull } from './full.ts'
import {
  type Desk,
  HeldPermit,
  type Patience,
  type Permit,
  Place,
  type WaitingPlace,
} from './places.ts'

export interface Gate {
  /** A place at the end of the line; throws when the line is full. */
  enter(): WaitingPlace
  /** A place at its head, for a call that had its turn and got nothing. */
  enterAgain(): WaitingPlace
  /** The upstream turned a call away, and may have said for how long. */
  turnedAway(why: TurnedAway, askedPauseMs?: number | null): void
  waiting(): number
  running(): number
  /** Left alone for a while, because the upstream said that it is full. */
  isPaused(): boolean
  /** There may be more places than there were. */
  look(): void
  /** A call is tried here until it departs, between its tries too. */
  attend(): void
  depart(): void
  /** Resolves once nobody runs, waits or is tried here. */
  whenEmpty(): Promise<void>
  /** Nobody is let in by time any more. */
  close(): void
}

export interface GateOptions {
  waitingMax: number
  busyPauseMs: number
}

interface Waiter {
  grant(): void
  /** The upstream is full: from now on the wait ends after `fullWaitMs`. */
  full(): void
  /** The upstream answers again. */
  served(): void
}

/** The pause doubles so often, at most. */
const doublingsMax = 4

export function createGate(upstream: Upstream, options: GateOptions, clock: Clock): Gate {
  const line: Waiter[] = []
  const emptied: (() => void)[] = []
  let running = 0
  /** Places taken whose permit has not come yet. */
  let entered = 0
  /** Calls that do without a place for a while: they stand aside, or are between two tries. */
  let aside = 0
  let pause: Timer | null = null
  let pauseUntilTicksMs = 0
  let isPauseAsked = false
  /** Why it is paused, or was last: of long ago, that says nothing of today's line. */
  let pausedFor: TurnedAway = 'cold'
  let turnedAwayInARow = 0
  /** The upstream said that it is full, and has answered no call since. */
  let isFull = false
  upstream.onChange(letIn)

  function hasPlace(): boolean {
    return pause === null && running < upstream.capacity()
  }

  function letIn(): void {
    while (line.length > 0 && hasPlace()) {
      running += 1
      line.shift()?.grant()
    }
  }

  function endPause(): void {
    pause?.cancel()
    pause = null
    isPauseAsked = false
    letIn()
  }

  /** A call that was turned away gives back a place that it never had: that ends no pause. */
  function placeCameFree(wasServed: boolean): void {
    if (wasServed && !isPauseAsked) endPause()
    else letIn()
  }

  /** The place in `running` is taken; it comes free when the permit is released. */
  function newPermit(): Permit {
    entered -= 1
    return new HeldPermit(desk)
  }

  function giveUp(): void {
    entered -= 1
    tellIfEmpty()
  }

  function tellIfEmpty(): void {
    if (running + entered + aside === 0) for (const tell of emptied.splice(0)) tell()
  }

  function pauseLeftMs(): number | null {
    return pause === null ? null : Math.max(0, Math.ceil(pauseUntilTicksMs - clock.ticksMs()))
  }

  function isPausedAsFull(): boolean {
    return pause !== null && pausedFor === 'full'
  }

  function wait(signal: AbortSignal, patience: Patience, isFirst: boolean): Promise<Permit> {
    const { fullWaitMs, fullUntilTicksMs } = patience
    const { promise, resolve, reject } = Promise.withResolvers<Permit>()
    let timer: Timer | null = null
    const waiter: Waiter = {
      grant() {
        end()
        resolve(newPermit())
      },
      full() {
        timer ??= clock.after(fullWaitMs, stayedFull)
      },
      served() {
        // A call that was turned away keeps its own deadline, even while others are served.
        if (fullUntilTicksMs !== null) return
        timer?.cancel()
        timer = null
      },
    }
    const abandoned = () => leave(signal.reason)
    const stayedFull = () => leave(fullFor(pauseLeftMs()))
    function end(): void {
      timer?.cancel()
      signal.removeEventListener('abort', abandoned)
    }
    function leave(reason: unknown): void {
      end()
      line.splice(line.indexOf(waiter), 1)
      giveUp()
      reject(reason)
    }
    signal.addEventListener('abort', abandoned, { once: true })
    if (isFirst) line.unshift(waiter)
    else line.push(waiter)
    if (fullUntilTicksMs !== null) {
      timer = clock.after(fullUntilTicksMs - clock.ticksMs(), stayedFull)
    } else if (isPausedAsFull()) waiter.full()
    return promise
  }

  const desk: Desk = {
    atOnce(isFirst) {
      if (!hasPlace() || (line.length > 0 && !isFirst)) return null
      running += 1
      return newPermit()
    },
    refuseTooLong({ fullWaitMs }) {
      const leftMs = pauseLeftMs()
      if (isPausedAsFull() && isPauseAsked && leftMs !== null && leftMs > fullWaitMs) {
        throw fullFor(leftMs)
      }
    },
    wait,
    giveUp,
    stepAside() {
      entered -= 1
      aside += 1
    },
    comeBack() {
      aside -= 1
      entered += 1
    },
    served() {
      turnedAwayInARow = 0
      if (!isFull) return
      isFull = false
      for (const waiter of line) waiter.served()
    },
    cameFree: placeCameFree,
    released(wasServed) {
      running -= 1
      placeCameFree(wasServed)
      tellIfEmpty()
    },
  }

  function place(isFirst: boolean): WaitingPlace {
    entered += 1
    return new Place(desk, isFirst)
  }

  return {
    enter() {
      if (running + entered >= upstream.capacity() + options.waitingMax) throw lineFull()
      return place(false)
    },
    enterAgain: () => place(true),
    turnedAway(why, askedPauseMs = null) {
      if (why === 'full') {
        isFull = true
        for (const waiter of line) waiter.full()
      }
      // Calls that were on their way when the pause began say nothing new.
      if (pause !== null && askedPauseMs === null) return
      pausedFor = why
      pause?.cancel()
      const ownPauseMs = options.busyPauseMs * 2 ** Math.min(turnedAwayInARow, doublingsMax)
      turnedAwayInARow += 1
      isPauseAsked = askedPauseMs !== null
      const pauseMs = askedPauseMs ?? ownPauseMs
      pauseUntilTicksMs = clock.ticksMs() + pauseMs
      pause = clock.after(pauseMs, endPause)
    },
    waiting: () => line.length,
    running: () => running,
    isPaused: () => pause !== null,
    look: letIn,
    attend() {
      aside += 1
    },
    depart() {
      aside -= 1
      tellIfEmpty()
    },
    close() {
      pause?.cancel()
      pause = null
    },
    whenEmpty() {
      const { promise, resolve } = Promise.withResolvers<void>()
      emptied.push(resolve)
      tellIfEmpty()
      return promise
    },
  }
}
