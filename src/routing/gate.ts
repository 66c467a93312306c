// The places of one deployment. A call first takes a waiting place (bounded, at once or refused),
// then waits in line for a permit, and holds the permit until the upstream's work is over: a slow
// reader must not hold a free GPU slot, and an orphan must.
//
// An upstream that says it is full is left alone for a while, longer each time, or until a call
// that it did serve comes to its end; who was turned away goes back to the head of the line. A time
// that the upstream itself asked for is kept to the end: then it is no place that is missing.
import { type Clock, Fault, type Timer, type Upstream } from '#domain'

export interface WaitingPlace {
  /** A permit that is there for it now; null: it must wait. */
  atOnce(): Permit | null
  /** The next free permit, in order of arrival. Rejects with the signal's reason. */
  permit(signal: AbortSignal): Promise<Permit>
  /**
   * The call waits for something else first, and comes back for its permit: so long it takes none
   * of the places that others could wait in.
   */
  standAside(): void
  /** Gives the place back, if no permit came of it. */
  leave(): void
}

export interface Permit {
  /** The upstream answers. */
  answered(): void
  release(): void
}

export interface Gate {
  /** A place at the end of the line; throws when the line is full. */
  enter(): WaitingPlace
  /** A place at its head, for a call that had its turn and got nothing. */
  enterAgain(): WaitingPlace
  /** The upstream turned a call away because it is full, and may have said for how long. */
  turnedAway(askedPauseMs?: number | null): void
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
  let isPauseAsked = false
  let turnedAwayInARow = 0
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

  function wait(signal: AbortSignal, isFirst: boolean): Promise<Permit> {
    return new Promise((resolve, reject) => {
      const waiter = {
        grant() {
          signal.removeEventListener('abort', leaveLine)
          resolve(newPermit())
        },
      }
      function leaveLine(): void {
        line.splice(line.indexOf(waiter), 1)
        giveUp()
        reject(signal.reason)
      }
      signal.addEventListener('abort', leaveLine, { once: true })
      if (isFirst) line.unshift(waiter)
      else line.push(waiter)
    })
  }

  const desk: Desk = {
    atOnce(isFirst) {
      if (!hasPlace() || (line.length > 0 && !isFirst)) return null
      running += 1
      return newPermit()
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
    served: () => {
      turnedAwayInARow = 0
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
      if (running + entered >= upstream.capacity() + options.waitingMax) throw full()
      return place(false)
    },
    enterAgain: () => place(true),
    turnedAway(askedPauseMs = null) {
      // Calls that were on their way when the pause began say nothing new.
      if (pause !== null && askedPauseMs === null) return
      pause?.cancel()
      const ownPauseMs = options.busyPauseMs * 2 ** Math.min(turnedAwayInARow, doublingsMax)
      turnedAwayInARow += 1
      isPauseAsked = askedPauseMs !== null
      pause = clock.after(askedPauseMs ?? ownPauseMs, endPause)
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

/** What places and permits ask of their gate. */
interface Desk {
  atOnce(isFirst: boolean): Permit | null
  wait(signal: AbortSignal, isFirst: boolean): Promise<Permit>
  giveUp(): void
  stepAside(): void
  comeBack(): void
  served(): void
  cameFree(wasServed: boolean): void
  released(wasServed: boolean): void
}

class Place implements WaitingPlace {
  readonly #desk: Desk
  readonly #isFirst: boolean
  #isUsed = false
  #isAside = false

  constructor(desk: Desk, isFirst: boolean) {
    this.#desk = desk
    this.#isFirst = isFirst
  }

  standAside(): void {
    if (this.#isUsed || this.#isAside) return
    this.#isAside = true
    this.#desk.stepAside()
  }

  #comeBack(): void {
    if (this.#isAside) this.#desk.comeBack()
    this.#isAside = false
  }

  atOnce(): Permit | null {
    this.#comeBack()
    const permit = this.#desk.atOnce(this.#isFirst)
    if (permit !== null) this.#isUsed = true
    return permit
  }

  async permit(signal: AbortSignal): Promise<Permit> {
    this.#comeBack()
    this.#isUsed = true
    if (signal.aborted) this.#desk.giveUp()
    signal.throwIfAborted()
    return this.#desk.atOnce(this.#isFirst) ?? this.#desk.wait(signal, this.#isFirst)
  }

  leave(): void {
    this.#comeBack()
    if (!this.#isUsed) this.#desk.giveUp()
    this.#isUsed = true
  }
}

class HeldPermit implements Permit {
  readonly #desk: Desk
  #isHeld = true
  #wasServed = false

  constructor(desk: Desk) {
    this.#desk = desk
  }

  answered(): void {
    this.#wasServed = true
    this.#desk.served()
    // A short answer may be over before anybody looked at it.
    if (!this.#isHeld) this.#desk.cameFree(true)
  }

  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#desk.released(this.#wasServed)
  }
}

function full(): Fault {
  return new Fault('overloaded', {
    message: 'Too many calls are waiting for this model. Please try again shortly.',
    retryAfterMs: 2_000,
  })
}
