// The simulated workers of an endpoint, counted and summed.
import type { Census } from '../crew.ts'
import type { SimulatedWorker } from './simulated-worker.ts'
import type { WorkerPhase } from './worker-events.ts'

export function openRoster() {
  const workers = new Set<SimulatedWorker>()
  let goneTokens = 0

  function sum(part: (worker: SimulatedWorker) => number): number {
    let total = 0
    for (const worker of workers) total += part(worker)
    return total
  }

  return {
    /** A copy: workers go while it is read. */
    all: () => [...workers],
    add: (worker: SimulatedWorker) => void workers.add(worker),
    remove(worker: SimulatedWorker) {
      if (workers.delete(worker)) goneTokens += worker.generatedTokens()
    },
    clear: () => workers.clear(),
    count: (counts: (worker: SimulatedWorker) => boolean) =>
      sum((worker) => (counts(worker) ? 1 : 0)),
    /** Jobs in their hands. */
    running: () => sum((worker) => worker.running()),
    /** With the tokens of workers that are gone. */
    generatedTokens: () => goneTokens + sum((worker) => worker.generatedTokens()),
    nanoUsdPerSecond: () => sum((worker) => worker.nanoUsdPerSecond()),
    census(): Census {
      const census = { idle: 0, initializing: 0, ready: 0, running: 0, throttled: 0, unhealthy: 0 }
      for (const worker of workers) census[countedAs[worker.state().phase]] += 1
      return { ...census, ready: census.idle }
    },
    /** The one meant, or all whose containers run, the busiest first. */
    pick(workerId: string | null): SimulatedWorker[] {
      const up = [...workers].filter((worker) => 'startedAtMs' in worker.state())
      if (workerId !== null) return up.filter(({ id }) => id === workerId)
      return up.sort((one, other) => other.running() - one.running())
    },
  }
}

/** How `/health` counts a worker: one that is parked looks as ready as a warm one. */
const countedAs: { readonly [phase in WorkerPhase]: keyof Census } = {
  parked: 'idle',
  throttled: 'throttled',
  pull: 'initializing',
  start: 'initializing',
  load: 'initializing',
  'warm-up': 'initializing',
  idle: 'idle',
  running: 'running',
  unhealthy: 'unhealthy',
}
