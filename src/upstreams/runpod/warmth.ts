// What we know of an endpoint that scales to zero without asking it. An answer that is running, or
// that ended a moment ago, proves a worker; after a while without one the endpoint counts as cold.
// A cold endpoint has one place: one call wakes it, and the others are let in once it answers.
import { type Clock, ListenerSet, type Readiness } from '#domain'

export interface Warmth {
  readiness(): Readiness
  capacity(): number
  onChange(listener: () => void): Disposable
  /** An attempt begins. */
  begin(): { awake(): void; ended(): void }
}

export interface WarmthPorts {
  slots(): number
  warmForMs(): number
  clock: Clock
}

export function createWarmth({ slots, warmForMs, clock }: WarmthPorts): Warmth {
  const listeners = new ListenerSet()
  let waiting = 0
  let answering = 0
  let warmUntilTicksMs = Number.NEGATIVE_INFINITY

  function isWarm(): boolean {
    return answering > 0 || clock.ticksMs() < warmUntilTicksMs
  }

  function awake(): void {
    const wasWarm = isWarm()
    waiting -= 1
    answering += 1
    if (!wasWarm) listeners.tell()
  }

  function ended(wasAwake: boolean): void {
    if (!wasAwake) {
      waiting -= 1
      return
    }
    answering -= 1
    warmUntilTicksMs = clock.ticksMs() + warmForMs()
  }

  return {
    readiness: () => {
      if (isWarm()) return { state: 'warm' }
      if (waiting > 0) return { state: 'warming', phase: 'worker', etaMs: null }
      return { state: 'cold', etaMs: null }
    },
    capacity: () => (isWarm() ? slots() : 1),
    onChange: (listener) => listeners.add(listener),
    begin() {
      let wasAwake = false
      waiting += 1
      return {
        awake: () => {
          wasAwake = true
          awake()
        },
        ended: () => ended(wasAwake),
      }
    },
  }
}
