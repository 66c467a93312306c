// One simulated worker: it starts, takes jobs, is idle for a while and goes, or it is lost on the
// way. It tells what happens to it as events, from which the account's bill and logs are made.
import type { CrewPorts } from '../contract.ts'
import type { Work } from '../crew.ts'
import type { Chance } from '../engine/random.ts'
import { gpuOfPool } from '../management/gpu-catalog.ts'
import { bootTime } from './boot-time.ts'
import { openJobBench } from './job-bench.ts'
import { openJobPoll } from './job-poll.ts'
import type { Hands } from './perform-job.ts'
import type { WorkerEventKind, WorkerView } from './worker-events.ts'
import { openStart } from './worker-start.ts'
import { openLife, type StartingWorker, type WorkerState } from './worker-state.ts'

export interface SimulatedWorker {
  readonly id: string
  state(): WorkerState
  view(): WorkerView
  /** What it costs now: nothing while no container runs. */
  nanoUsdPerSecond(): number
  /** Jobs that somebody still waits for. */
  running(): number
  generatedTokens(): number
  /** Starts it, for the first time or out of its parking. */
  boot(): void
  /** Takes as many jobs as it has places free. */
  look(): void
  stop(work: Work): boolean
  /** Goes at once, or when its jobs are done. */
  leave(): void
  /** Its host is gone; the platform misses it after a while and gives its jobs to others. */
  lose(): void
  /** Its vLLM dies, and nobody restarts it: it takes jobs and fails each at once. False: it has
   * none yet, or none any more. */
  killEngine(): boolean
  close(): void
}

export interface WorkerPorts {
  crew: CrewPorts
  id: string
  release: number
  /** Shared by the workers of an endpoint: the nth start is the same whoever makes it. */
  bootChance: Chance
  /** `name` is another for each start of each worker. */
  openHands(name: string): Hands
  /** It has a place free, or is ready. */
  freed(): void
  /** What an idle worker does when its time is up. */
  afterIdle(): 'stay' | 'park' | 'stop'
  gone(worker: SimulatedWorker): void
}

export function openWorker(ports: WorkerPorts): SimulatedWorker {
  const { crew, id, release, bootChance } = ports
  const { account, settings, endpointId } = crew
  const { clock } = account
  const life = openLife(clock)
  const { tell, priceNanoUsd } = openTeller(crew, id)
  let stoppedTokens = 0
  let starts = 0

  const isUp = () => life.now().is === 'up'
  const bench = openJobBench({ crew, workerId: id, tell, freed: rest, die: lose })
  const poll = openJobPoll({
    clock,
    chance: account.chanceOf(`takes of ${id}`),
    queue: { ...crew.queue, take: () => crew.queue.take(id) },
    settings,
    places: () => (isUp() ? settings().slotsPerWorker - bench.held() : 0),
    isBalanced: () => crew.model().type === 'load-balancer',
    isUp,
    take(work) {
      const state = life.now()
      if (state.is !== 'up') return
      life.stopWaiting()
      life.enter({ ...state, phase: 'running' })
      bench.run(work, state.hands)
      // The next call may be for this one only when the others have as many.
      if (work.direct !== undefined) ports.freed()
    },
  })
  const boot = openStart({
    clock,
    life,
    settings,
    drawTime: () => bootTime(settings(), bootChance, account.rules.onBoot(endpointId, id)),
    tell,
    endContainer,
    up,
    remove,
  })

  function up({ startedAtMs }: StartingWorker, isEngineDead: boolean): void {
    starts += 1
    const hands = ports.openHands(`${endpointId} ${id} ${starts}`)
    if (isEngineDead) hands.killEngine()
    life.enter({ is: 'up', phase: 'idle', startedAtMs, hands })
    tell('ready')
    rest()
  }

  /** Goes on to `next`; listeners are told if a container ran until now. */
  function endContainer(what: 'crash' | 'park' | 'stop', next: WorkerState): void {
    const state = life.now()
    life.stopWaiting()
    poll.close()
    if (state.is === 'starting') state.limit?.cancel()
    if ('hands' in state) {
      stoppedTokens += state.hands.generatedTokens()
      state.hands.close()
    }
    life.enter(next)
    if ('startedAtMs' in state) tell(what)
  }

  /** A place is free. A worker without jobs stops after a while, or at once when it is to leave. */
  function rest(): void {
    const state = life.now()
    if (state.is !== 'up' && state.is !== 'leaving') return
    if (bench.held() === 0) {
      if (state.is === 'leaving') return remove()
      life.enter({ ...state, phase: 'idle' })
      life.wait(settings().idleTimeoutMs, idleIsOver)
    }
    ports.freed()
  }

  function idleIsOver(): void {
    const next = ports.afterIdle()
    if (next === 'stop') return remove()
    if (next === 'stay') return life.wait(settings().idleTimeoutMs, idleIsOver)
    endContainer('park', { is: 'off', phase: 'parked' })
    // A job may have come that it had not asked for yet.
    ports.freed()
  }

  function leave(): void {
    const state = life.now()
    if (bench.held() === 0) return remove()
    if (state.is === 'up') life.enter({ ...state, is: 'leaving' })
    if (state.is === 'lost') life.enter({ ...state, isLeaving: true })
  }

  function lose(): void {
    const state = life.now()
    if (!('startedAtMs' in state)) return
    endContainer('stop', { is: 'lost', phase: state.phase, isLeaving: state.is === 'leaving' })
    life.wait(settings().lostAfterMs, () => {
      bench.giveBack()
      remove()
    })
  }

  function remove(): void {
    const { is, phase } = life.now()
    if (is === 'gone') return
    endContainer('stop', { is: 'gone', phase })
    tell('remove')
    ports.gone(worker)
  }

  const worker: SimulatedWorker = {
    id,
    state: life.now,
    view() {
      const state = life.now()
      return {
        id,
        phase: state.phase,
        sinceMs: life.sinceMs(),
        jobs: bench.running(),
        startedAtMs: 'startedAtMs' in state ? state.startedAtMs : null,
        release,
        nanoUsdPerSecond: priceNanoUsd(),
      }
    },
    nanoUsdPerSecond: () => ('startedAtMs' in life.now() ? priceNanoUsd() : 0),
    running: bench.running,
    generatedTokens() {
      const state = life.now()
      return stoppedTokens + ('hands' in state ? state.hands.generatedTokens() : 0)
    },
    boot,
    look: poll.look,
    stop: bench.stop,
    leave,
    lose,
    killEngine() {
      const state = life.now()
      if (!('hands' in state)) return false
      state.hands.killEngine()
      return true
    },
    close() {
      bench.close()
      endContainer('stop', { is: 'gone', phase: life.now().phase })
    },
  }
  return worker
}

/** The price is that of the last start: a change of the GPUs counts from the next one. */
function openTeller({ account, endpointId, settings }: CrewPorts, workerId: string) {
  const { clock } = account
  let priceNanoUsd = 0
  return {
    priceNanoUsd: () => priceNanoUsd,
    tell(what: WorkerEventKind, jobId: string | null = null): void {
      const { gpuPool, gpus } = settings()
      if (what === 'start') priceNanoUsd = (gpuOfPool(gpuPool)?.nanoUsdPerSecond ?? 0) * gpus
      account.tell({
        endpointId,
        workerId,
        atMs: clock.nowMs(),
        ticksMs: clock.ticksMs(),
        what,
        jobId,
        nanoUsdPerSecond: priceNanoUsd,
      })
    },
  }
}
