// The phase that a worker is in, since when, and the one moment that it waits for: the end of a
// phase of its start, of its rest, or of a punishment.
import type { Clock, Timer } from '#domain'
import type { BootTime } from './boot-time.ts'
import type { WorkerEventKind, WorkerPhase } from './worker-events.ts'

export interface Phases {
  now(): WorkerPhase
  /** How long it has been in this phase. */
  sinceMs(): number
  enter(next: WorkerPhase): void
  /** Goes through a start; `begin` hears of what begins with a step. */
  pass(steps: readonly Step[], begin: (what: WorkerEventKind) => void, done: () => void): void
  /** What was waited for before is forgotten. */
  wait(ms: number, then: () => void): void
  stopWaiting(): void
}

export interface Step {
  phase: WorkerPhase
  ms: number
  what: WorkerEventKind | null
}

export function openPhases(clock: Clock): Phases {
  let phase: WorkerPhase = 'throttled'
  let enteredMs = clock.ticksMs()
  let timer: Timer | null = null

  const phases: Phases = {
    now: () => phase,
    sinceMs: () => clock.ticksMs() - enteredMs,
    enter(next) {
      if (phase === next) return
      phase = next
      enteredMs = clock.ticksMs()
    },
    pass([step, ...later], begin, done) {
      if (step === undefined) return done()
      phases.enter(step.phase)
      if (step.what !== null) begin(step.what)
      // Nobody is ready in the moment in which he is started: the last step always takes a timer.
      if (step.ms === 0 && later.length > 0) return phases.pass(later, begin, done)
      phases.wait(step.ms, () => phases.pass(later, begin, done))
    },
    wait(ms, then) {
      timer?.cancel()
      timer = clock.after(ms, then)
    },
    stopWaiting: () => timer?.cancel(),
  }
  return phases
}

export function stepsOf(time: BootTime): Step[] {
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

/** Whether a phase costs: the image is pulled before there is a container. */
export const isBilledPhase: { readonly [phase in WorkerPhase]: boolean } = {
  parked: false,
  throttled: false,
  pull: false,
  start: true,
  load: true,
  'warm-up': true,
  idle: true,
  running: true,
  unhealthy: false,
}
