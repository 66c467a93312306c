// The simulated workers of an endpoint. A scaler starts them; each takes jobs for itself, the first
// one that is free takes all it can, and each stops by itself when it was idle. A change of the
// endpoint replaces them one by one, each when it has nothing to do.
import type { CrewPorts } from '../contract.ts'
import type { Crew } from '../crew.ts'
import { openScaler } from '../endpoint/scaler.ts'
import { startEngine } from '../engine/vllm-server.ts'
import { engineHands, type Hands } from './perform-job.ts'
import { openQuietLimits } from './quiet-limits.ts'
import { openRoster } from './roster.ts'
import type { SimulatedFleet } from './simulated-fleet.ts'
import { openWorker, type SimulatedWorker } from './simulated-worker.ts'
import { isGoing } from './worker-state.ts'

export type OpenHands = (ports: CrewPorts, name: string) => Hands

const idLength = 14

export function openSimulatedCrew(
  ports: CrewPorts,
  openHands: OpenHands = engineOfModel,
): { crew: Crew; fleet: SimulatedFleet } {
  const { account, queue, endpointId } = ports
  const { clock } = account
  const ids = account.chanceOf(`worker ids of ${endpointId}`)
  const bootChance = account.chanceOf(`starts at ${endpointId}`)
  const roster = openRoster()
  const quiet = openQuietLimits(clock, ports.settings, look)
  const { settings } = quiet
  const scaler = openScaler({ clock, queue, settings, running: roster.running, staying, start })
  let release = 1
  let isLooking = false
  let looksAgain = false
  let isClosed = false

  /** All but parked workers and those about to leave. */
  function staying(): number {
    return roster.count((worker) => !isParked(worker) && !isGoing(worker.state()))
  }

  function start(): void {
    const parked = roster.all().find(isParked)
    if (parked !== undefined) return parked.boot()
    const worker = openWorker({
      crew: ports,
      id: Array.from({ length: idLength }, () => ids.below(36).toString(36)).join(''),
      release,
      bootChance,
      openHands: (name) => openHands(ports, name),
      freed: look,
      afterIdle,
      gone(worker) {
        roster.remove(worker)
        look()
      },
    })
    roster.add(worker)
    worker.boot()
  }

  function afterIdle(): 'stay' | 'park' | 'stop' {
    const { workersMin, parkedMax } = settings()
    if (staying() <= workersMin) return 'stay'
    return roster.count(isParked) < parkedMax ? 'park' : 'stop'
  }

  /** Jobs that fail at once free their places while this runs, so it looks again before it ends. */
  function look(): void {
    looksAgain = true
    if (isLooking || isClosed) return
    isLooking = true
    while (looksAgain) {
      looksAgain = false
      for (const worker of roster.all()) worker.look()
      dismissSurplus()
      scaler.look()
    }
    isLooking = false
  }

  /** More workers than there may be: idle ones go. */
  function dismissSurplus(): void {
    const { workersMin, workersMax } = settings()
    let surplus = staying() - Math.max(workersMin, workersMax)
    for (const worker of roster.all()) {
      if (surplus <= 0) return
      const state = worker.state()
      if (state.is !== 'up' || state.phase !== 'idle') continue
      worker.leave()
      surplus -= 1
    }
  }

  const crew: Crew = {
    look() {
      quiet.jobSeen()
      look()
    },
    stop: (work) => roster.all().some((worker) => worker.stop(work)),
    running: roster.running,
    census: roster.census,
    close() {
      isClosed = true
      scaler.close()
      quiet.close()
      for (const worker of roster.all()) worker.close()
      roster.clear()
    },
  }
  const fleet: SimulatedFleet = {
    views: () => roster.all().map((worker) => worker.view()),
    generatedTokens: roster.generatedTokens,
    nanoUsdPerSecond: roster.nanoUsdPerSecond,
    replaceAll(isRelease) {
      if (isRelease) release += 1
      isLooking = true
      for (const worker of roster.all()) worker.leave()
      isLooking = false
      look()
    },
    workersMax: () => settings().workersMax,
    restoreMax: quiet.restore,
    lose(workerId) {
      const [worker] = roster.pick(workerId)
      worker?.lose()
      return worker !== undefined
    },
    killEngine: (workerId) => roster.pick(workerId).some((worker) => worker.killEngine()),
  }
  crew.look()
  return { crew, fleet }
}

function isParked(worker: SimulatedWorker): boolean {
  const state = worker.state()
  return state.is === 'off' && state.phase === 'parked'
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
