// The start of a simulated worker, phase by phase until its container is up. A start that takes too
// long is begun anew. After a crash the platform waits, longer after each crash in a row, and tries
// again; it removes a worker that has been unhealthy for a week.
import type { Clock, Timer } from '#domain'
import type { EndpointSettings } from '../endpoint/fleet-options.ts'
import type { BootTime } from './boot-time.ts'
import type { WorkerEventKind } from './worker-events.ts'
import type { StartingWorker, WorkerLife, WorkerState } from './worker-state.ts'

export interface StartPorts {
  clock: Clock
  life: WorkerLife
  settings(): EndpointSettings
  /** Draws how long the next start takes, and what goes wrong with it. */
  drawTime(): BootTime
  tell(what: WorkerEventKind): void
  endContainer(what: 'crash' | 'stop', next: WorkerState): void
  up(worker: StartingWorker, isEngineDead: boolean): void
  /** The platform gives the worker up. */
  remove(): void
}

interface Step {
  phase: 'throttled' | 'pull' | StartingWorker['phase']
  ms: number
  what: WorkerEventKind | null
}

const backoffMaxMs = 3_600_000
const unhealthyMaxMs = 7 * 86_400_000

/** Gives back what starts the worker, for the first time or anew. */
export function openStart(ports: StartPorts): () => void {
  const { clock, life, settings, tell, endContainer } = ports
  /** In a row. */
  let crashes: { count: number; sinceMs: number } | null = null

  function boot(): void {
    const time = ports.drawTime()
    pass(stepsOf(time), () => booted(time))
  }

  function pass([step, ...later]: readonly Step[], done: () => void): void {
    if (step === undefined) return done()
    life.enter(stateIn(step.phase))
    if (step.what !== null) tell(step.what)
    // No worker is ready in the moment in which it is started: the last step always takes a timer.
    if (step.ms === 0 && later.length > 0) return pass(later, done)
    life.wait(step.ms, () => pass(later, done))
  }

  function stateIn(phase: Step['phase']): WorkerState {
    if (phase === 'throttled' || phase === 'pull') return { is: 'off', phase }
    const state = life.now()
    if (state.is === 'starting') return { ...state, phase }
    return { is: 'starting', phase, startedAtMs: clock.nowMs(), limit: limitStart() }
  }

  /** Fixed starts have no limit: their length is what somebody asked for. */
  function limitStart(): Timer | null {
    const { coldStarts, bootLimitMs } = settings()
    if (coldStarts === 'fixed') return null
    return clock.after(bootLimitMs, () => {
      endContainer('stop', { is: 'off', phase: 'pull' })
      boot()
    })
  }

  function booted(time: BootTime): void {
    const state = life.now()
    if (state.is !== 'starting') return
    if (time.crashes) return crash()
    state.limit?.cancel()
    crashes = null
    ports.up(state, time.engineDead)
  }

  function crash(): void {
    endContainer('crash', { is: 'off', phase: 'unhealthy' })
    crashes ??= { count: 0, sinceMs: clock.ticksMs() }
    if (clock.ticksMs() - crashes.sinceMs > unhealthyMaxMs) return ports.remove()
    life.wait(Math.min(settings().crashBackoffMs * 2 ** crashes.count, backoffMaxMs), boot)
    crashes.count += 1
  }

  return boot
}

function stepsOf(time: BootTime): Step[] {
  const steps: Step[] = [
    { phase: 'throttled', ms: time.throttledMs, what: null },
    { phase: 'pull', ms: 0, what: 'create' },
    { phase: 'pull', ms: time.pullMs, what: time.pullMs > 0 ? 'pull' : null },
    { phase: 'start', ms: time.startMs, what: 'start' },
    { phase: 'load', ms: time.loadMs, what: 'load' },
    { phase: 'warm-up', ms: time.warmUpMs, what: null },
  ]
  return time.throttledMs > 0 ? steps : steps.slice(1)
}
