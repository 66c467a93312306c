// One simulated worker: its way from nothing through the phases of a start to warm, at work, idle
// and gone, with the ways in which that goes wrong. What happens is told as events; the account's
// bill and logs are made of them.
import type { Timer } from '#domain'
import type { CrewPorts } from '../contract.ts'
import type { Work } from '../crew.ts'
import type { Chance } from '../engine/random.ts'
import { gpuOfPool } from '../management/gpu-catalog.ts'
import { type BootTime, bootTime } from './boot-time.ts'
import { openJobBench } from './job-bench.ts'
import { openJobPoll } from './job-poll.ts'
import type { Hands } from './perform-job.ts'
import { isBilledPhase, openPhases, stepsOf } from './phases.ts'
import type { WorkerEventKind, WorkerPhase, WorkerView } from './worker-events.ts'

export interface SimulatedWorker {
  readonly id: string
  phase(): WorkerPhase
  view(): WorkerView
  /** Whether its container runs, and costs. */
  isBilled(): boolean
  nanoUsdPerSecond(): number
  /** It takes no more jobs and goes when it has none. */
  isLeaving(): boolean
  isIdle(): boolean
  /** Jobs that somebody still waits for. */
  running(): number
  generatedTokens(): number
  /** Starts it, for the first time or out of its parking. */
  boot(): void
  /** Takes what it has places for. */
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

const backoffMaxMs = 3_600_000
/** The platform tries an unhealthy worker so long. */
const unhealthyMaxMs = 7 * 86_400_000

export function openWorker(ports: WorkerPorts): SimulatedWorker {
  const { crew, id, release, bootChance } = ports
  const { account, settings, endpointId } = crew
  const { clock } = account
  const phases = openPhases(clock)
  let startedAtMs: number | null = null
  let priceNanoUsd = 0
  let limit: Timer | null = null
  let hands: Hands | null = null
  let stoppedTokens = 0
  let starts = 0
  let crashes = 0
  let unhealthySinceMs: number | null = null
  let isLeaving = false
  let isLost = false
  let isGone = false

  const bench = openJobBench({
    crew,
    workerId: id,
    tell,
    freed: () => rest(),
    die: () => worker.lose(),
  })
  const poll = openJobPoll({
    clock,
    chance: account.chanceOf(`takes of ${id}`),
    queue: { ...crew.queue, take: () => crew.queue.take(id) },
    settings,
    places: () => (isUp() ? settings().slotsPerWorker - bench.held() : 0),
    isBalanced: () => crew.model().type === 'load-balancer',
    isUp,
    take(work) {
      if (hands === null) return
      phases.stopWaiting()
      phases.enter('running')
      bench.run(work, hands)
      // The next call may be for this one only when the others have as many.
      if (work.direct !== undefined) ports.freed()
    },
  })

  function isUp(): boolean {
    return hands !== null && !isLeaving
  }

  function tell(what: WorkerEventKind, jobId: string | null = null): void {
    account.tell({
      endpointId,
      workerId: id,
      atMs: clock.nowMs(),
      ticksMs: clock.ticksMs(),
      what,
      jobId,
      nanoUsdPerSecond: priceNanoUsd,
    })
  }

  function begin(what: WorkerEventKind): void {
    if (what === 'start') {
      const { gpuPool, gpus } = settings()
      priceNanoUsd = (gpuOfPool(gpuPool)?.nanoUsdPerSecond ?? 0) * gpus
      startedAtMs = clock.nowMs()
      limitStart()
    }
    tell(what)
  }

  /** A mixed start that takes too long is given up and begun anew. */
  function limitStart(): void {
    const { coldStarts, bootLimitMs } = settings()
    if (coldStarts === 'fixed') return
    limit = clock.after(bootLimitMs, () => {
      endContainer('stop')
      worker.boot()
    })
  }

  function endContainer(what: 'crash' | 'park' | 'stop'): void {
    phases.stopWaiting()
    limit?.cancel()
    poll.close()
    if (hands !== null) {
      stoppedTokens += hands.generatedTokens()
      hands.close()
    }
    hands = null
    if (startedAtMs === null) return
    startedAtMs = null
    tell(what)
  }

  function booted(time: BootTime): void {
    limit?.cancel()
    if (time.crashes) return crash()
    crashes = 0
    unhealthySinceMs = null
    starts += 1
    hands = ports.openHands(`${endpointId} ${id} ${starts}`)
    if (time.engineDead) hands.killEngine()
    phases.enter('idle')
    tell('ready')
    rest()
  }

  function crash(): void {
    endContainer('crash')
    phases.enter('unhealthy')
    unhealthySinceMs ??= clock.ticksMs()
    if (clock.ticksMs() - unhealthySinceMs > unhealthyMaxMs) return remove()
    const waitMs = Math.min(settings().crashBackoffMs * 2 ** crashes, backoffMaxMs)
    crashes += 1
    phases.wait(waitMs, worker.boot)
  }

  /** A place is free. A worker without jobs stops after a while, or at once when it is to leave. */
  function rest(): void {
    if (isGone || isLost) return
    if (bench.held() === 0) {
      if (isLeaving) return remove()
      phases.enter('idle')
      phases.wait(settings().idleTimeoutMs, idleIsOver)
    }
    ports.freed()
  }

  function idleIsOver(): void {
    const next = ports.afterIdle()
    if (next === 'stop') return remove()
    if (next === 'stay') return phases.wait(settings().idleTimeoutMs, idleIsOver)
    endContainer('park')
    phases.enter('parked')
    // A job may have come that it had not asked for yet.
    ports.freed()
  }

  function remove(): void {
    if (isGone) return
    isGone = true
    endContainer('stop')
    tell('remove')
    ports.gone(worker)
  }

  const worker: SimulatedWorker = {
    id,
    phase: phases.now,
    view: () => ({
      id,
      phase: phases.now(),
      sinceMs: phases.sinceMs(),
      jobs: bench.running(),
      startedAtMs,
      release,
      nanoUsdPerSecond: priceNanoUsd,
    }),
    isBilled: () => isBilledPhase[phases.now()] && !isLost,
    nanoUsdPerSecond: () => priceNanoUsd,
    isLeaving: () => isLeaving,
    isIdle: () => phases.now() === 'idle' && !isLost,
    running: bench.running,
    generatedTokens: () => stoppedTokens + (hands?.generatedTokens() ?? 0),
    boot() {
      const time = bootTime(settings(), bootChance, account.rules.onBoot(endpointId, id))
      phases.pass(stepsOf(time), begin, () => booted(time))
    },
    look: poll.look,
    stop: bench.stop,
    leave() {
      isLeaving = true
      if (bench.held() === 0) remove()
    },
    lose() {
      if (isGone || isLost || startedAtMs === null) return
      isLost = true
      endContainer('stop')
      phases.wait(settings().lostAfterMs, () => {
        bench.giveBack()
        remove()
      })
    },
    killEngine() {
      hands?.killEngine()
      return hands !== null
    },
    close() {
      isGone = true
      bench.close()
      endContainer('stop')
    },
  }
  return worker
}
