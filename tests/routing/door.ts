// A gate on a clock that stands still, and the calls that stand before it.
import { createGate } from '#src/routing/gate.ts'
import type { Patience, Permit } from '#src/routing/places.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { scriptedDeployment } from '../support/scripted-deployment.ts'

export const never = new AbortController().signal

export const unhurried: Patience = { fullWaitMs: 600_000, fullUntilTicksMs: null }

/** Calls that say their name when they get in. */
export function createDoor(capacity: number, waitingMax = 100) {
  const upstream = scriptedDeployment(capacity)
  const clock = createFakeClock()
  const gate = createGate(upstream, { waitingMax, busyPauseMs: 250 }, clock)
  const inside: string[] = []
  const permits = new Map<string, Permit>()
  return {
    upstream,
    clock,
    gate,
    inside,
    arrive: (name: string, signal: AbortSignal = never, patience = unhurried) =>
      gate
        .enter()
        .permit(signal, patience)
        .then((permit) => {
          inside.push(name)
          permits.set(name, permit)
        }),
    answer: (name: string) => permits.get(name)?.answered(),
    leave: (name: string) => permits.get(name)?.release(),
  }
}

/** Whatever only waits for promises has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
