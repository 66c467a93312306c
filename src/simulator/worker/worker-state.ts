// What a simulated worker is at a moment, and the one moment that it waits for: the end of a phase
// of its start, of its idle time, of a punishment, or of the platform's patience.
import type { Clock, Timer } from '#domain'
import type { Hands } from './perform-job.ts'
import type { WorkerPhase } from './worker-events.ts'

/** A container runs, and costs, exactly in the states that say when it started. */
export type WorkerState =
  | { readonly is: 'off'; readonly phase: 'parked' | 'throttled' | 'pull' | 'unhealthy' }
  | StartingWorker
  | UpWorker
  /** It takes no more jobs, and goes when the last that it has is done. */
  | (Omit<UpWorker, 'is'> & { readonly is: 'leaving' })
  /** Its host is gone. Until the platform misses it, it is shown in the phase that it had. */
  | { readonly is: 'lost'; readonly phase: WorkerPhase; readonly isLeaving: boolean }
  | { readonly is: 'gone'; readonly phase: WorkerPhase }

export interface StartingWorker {
  readonly is: 'starting'
  readonly phase: 'start' | 'load' | 'warm-up'
  readonly startedAtMs: number
  /** Gives up a start that takes too long; null: it may take any time. */
  readonly limit: Timer | null
}

interface UpWorker {
  readonly is: 'up'
  readonly phase: 'idle' | 'running'
  readonly startedAtMs: number
  readonly hands: Hands
}

export interface WorkerLife {
  now(): WorkerState
  /** How long it has been in its phase. */
  sinceMs(): number
  enter(next: WorkerState): void
  /** What was waited for before is forgotten. */
  wait(ms: number, then: () => void): void
  stopWaiting(): void
}

export function openLife(clock: Clock): WorkerLife {
  let state: WorkerState = { is: 'off', phase: 'throttled' }
  let enteredMs = clock.ticksMs()
  let timer: Timer | null = null
  return {
    now: () => state,
    sinceMs: () => clock.ticksMs() - enteredMs,
    enter(next) {
      if (next.phase !== state.phase) enteredMs = clock.ticksMs()
      state = next
    },
    wait(ms, then) {
      timer?.cancel()
      timer = clock.after(ms, then)
    },
    stopWaiting: () => timer?.cancel(),
  }
}

/** It is not counted among the workers of its endpoint any more. */
export function isGoing(state: WorkerState): boolean {
  return state.is === 'leaving' || state.is === 'gone' || (state.is === 'lost' && state.isLeaving)
}
