// The simulated workers of an endpoint. A scaler starts them; each takes jobs for itself, the first
// one that is free takes all it can, and stops by itself when it was idle. Changes of the endpoint
// replace them one by one, as they have nothing to do.
import type { Timer } from '#domain'
import type { CrewPorts } from '../contract.ts'
import type { Census, Crew } from '../crew.ts'
import { openScaler } from '../endpoint/scaler.ts'
import { startEngine } from '../engine/vllm-server.ts'
import { engineHands, type Hands } from './perform-job.ts'
import type { SimulatedFleet } from './simulated-fleet.ts'
import { openWorker, type SimulatedWorker } from './simulated-worker.ts'
import type { WorkerPhase } from './worker-events.ts'

export type OpenHands = (ports: CrewPorts, name: string) => Hands

const idLength = 14
const dayMs = 86_400_000
/** After so long without a job the platform lets an endpoint have this many workers. */
const quietLimits = [
  { afterMs: 3 * dayMs, workersMax: 2 },
  { afterMs: 7 * dayMs, workersMax: 0 },
]

export function openSimulatedCrew(
  ports: CrewPorts,
  openHands: OpenHands = engineOfModel,
): { crew: Crew; fleet: SimulatedFleet } {
  const { account, queue, endpointId } = ports
  const { clock } = account
  const ids = account.chanceOf(`worker ids of ${endpointId}`)
  const bootChance = account.chanceOf(`starts at ${endpointId}`)
  const workers = new Set<SimulatedWorker>()
  let quiet: Timer[] = []
  let quietMax = Number.POSITIVE_INFINITY
  let goneTokens = 0
  let release = 1
  let isLooking = false
  let looksAgain = false
  let isClosed = false

  const settings = () => {
    const set = ports.settings()
    return set.workersMax <= quietMax ? set : { ...set, workersMax: quietMax }
  }
  const staying = () => count((worker) => worker.phase() !== 'parked' && !worker.isLeaving())
  const scaler = openScaler({ clock, queue, settings, running, staying, start })

  function count(counts: (worker: SimulatedWorker) => boolean): number {
    let sum = 0
    for (const worker of workers) if (counts(worker)) sum += 1
    return sum
  }

  function running(): number {
    let sum = 0
    for (const worker of workers) sum += worker.running()
    return sum
  }

  function start(): void {
    for (const worker of workers) {
      if (worker.phase() === 'parked' && !worker.isLeaving()) return worker.boot()
    }
    const worker = openWorker({
      crew: ports,
      id: Array.from({ length: idLength }, () => ids.below(36).toString(36)).join(''),
      release,
      bootChance,
      openHands: (name) => openHands(ports, name),
      freed: look,
      afterIdle,
      gone(worker) {
        goneTokens += worker.generatedTokens()
        workers.delete(worker)
        if (!isClosed) look()
      },
    })
    workers.add(worker)
    worker.boot()
  }

  function afterIdle(): 'stay' | 'park' | 'stop' {
    const { workersMin, parkedMax } = settings()
    if (staying() <= workersMin) return 'stay'
    return count((worker) => worker.phase() === 'parked') < parkedMax ? 'park' : 'stop'
  }

  /** Jobs that fail at once free their places while this runs, so it looks again before it ends. */
  function look(): void {
    looksAgain = true
    if (isLooking || isClosed) return
    isLooking = true
    while (looksAgain) {
      looksAgain = false
      for (const worker of workers) worker.look()
      dismissSurplus()
      scaler.look()
    }
    isLooking = false
  }

  /** More workers than there may be: idle ones go. */
  function dismissSurplus(): void {
    const { workersMin, workersMax } = settings()
    let surplus = staying() - Math.max(workersMin, workersMax)
    for (const worker of [...workers]) {
      if (surplus <= 0) return
      if (!worker.isIdle()) continue
      worker.leave()
      surplus -= 1
    }
  }

  /** What the platform lowered stays so until somebody changes the endpoint. */
  function listenForQuiet(): void {
    if (!ports.settings().lowersMax) return
    if (quiet.length > 0) return quiet.forEach((timer) => void timer.refresh())
    quiet = quietLimits.map(({ afterMs, workersMax }) =>
      clock.after(afterMs, () => {
        quietMax = workersMax
        look()
      }),
    )
  }

  /** The one meant, or all whose containers run, the busiest first. */
  function pick(workerId: string | null): SimulatedWorker[] {
    const up = [...workers].filter((worker) => worker.isBilled())
    if (workerId !== null) return up.filter(({ id }) => id === workerId)
    return up.sort((one, other) => other.running() - one.running())
  }

  const crew: Crew = {
    look() {
      listenForQuiet()
      look()
    },
    stop: (work) => [...workers].some((worker) => worker.stop(work)),
    running,
    census() {
      const census = { idle: 0, initializing: 0, ready: 0, running: 0, throttled: 0, unhealthy: 0 }
      for (const worker of workers) census[stateOf[worker.phase()]] += 1
      return { ...census, ready: census.idle }
    },
    close() {
      isClosed = true
      scaler.close()
      for (const timer of quiet) timer.cancel()
      for (const worker of [...workers]) worker.close()
      workers.clear()
    },
  }
  const fleet: SimulatedFleet = {
    views: () => [...workers].map((worker) => worker.view()),
    generatedTokens() {
      let sum = goneTokens
      for (const worker of workers) sum += worker.generatedTokens()
      return sum
    },
    nanoUsdPerSecond() {
      let sum = 0
      for (const worker of workers) if (worker.isBilled()) sum += worker.nanoUsdPerSecond()
      return sum
    },
    replaceAll(isRelease) {
      if (isRelease) release += 1
      isLooking = true
      for (const worker of [...workers]) worker.leave()
      isLooking = false
      look()
    },
    workersMax: () => settings().workersMax,
    restoreMax() {
      quietMax = Number.POSITIVE_INFINITY
    },
    lose(workerId) {
      const [worker] = pick(workerId)
      worker?.lose()
      return worker !== undefined
    },
    killEngine: (workerId) => pick(workerId).some((worker) => worker.killEngine()),
  }
  crew.look()
  return { crew, fleet }
}

const engineOfModel: OpenHands = (ports, name) => {
  const { options, clock, chanceOf } = ports.account
  const model = ports.model()
  const settings = { ...options, room: ports.room }
  return engineHands(startEngine(model, settings, clock, name), {
    ...model,
    servedModel: model.model,
    clock,
    postMs: options.workerPostMs,
    chance: chanceOf(`slices of ${name}`),
  })
}

/** How `/health` counts a worker: one that is parked looks as ready as a warm one. */
const stateOf: { readonly [phase in WorkerPhase]: keyof Census } = {
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
