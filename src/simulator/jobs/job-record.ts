// One job of the job API: what state it is in, what it has produced, what nobody has read yet. It
// is where a worker's answer goes, so it is written as a sink; readers wait with a listener.
import type { Clock } from '#domain'
import {
  executionTimeoutError,
  isTerminal,
  type JobEnvelope,
  type JobStatus,
  lostWorkerError,
} from '#wire'
import type { FaultPlan } from '../control/fault-plan.ts'
import type { JobSink } from '../job-sink.ts'
import { streamItems } from './stream-items.ts'

export interface JobRecord {
  readonly id: string
  readonly sink: JobSink
  readonly listeners: Set<() => void>
  status(): JobStatus
  envelope(): JobEnvelope
  /** What was produced since the last time somebody asked; it is given out once. */
  drain(): { output: unknown }[]
  hasUnread(): boolean
  /** False: it had ended before. */
  cancel(): boolean
  /** It waits again, as if it had just been submitted. */
  restart(): void
  /** The platform has forgotten it; who waits for it is told. */
  vanish(): void
  isGone(): boolean
}

export interface JobRecordOptions {
  readonly streamItemMaxBytes: number
  readonly executionTimeoutStatus: 'FAILED' | 'TIMED_OUT'
}

interface JobState {
  status: JobStatus
  queuedMs: number
  startedMs: number | null
  endedMs: number | null
  workerId: string | null
  error: string | null
  retries: number
  /** What the handler returned; until it has, what it yielded. */
  output: unknown
  yielded: unknown[]
  /** The handler's last word of progress. */
  progress: unknown
}

export function openJob(
  id: string,
  faults: Pick<FaultPlan, 'lostItem' | 'losesOutput'>,
  options: JobRecordOptions,
  clock: Clock,
): JobRecord {
  const listeners = new Set<() => void>()
  let unread: { output: unknown }[] = []
  let items = 0
  let state = waiting(clock.ticksMs())
  let isGone = false

  function tell(): void {
    for (const listener of [...listeners]) listener()
  }

  function end(status: JobStatus, error: string | null): void {
    if (isTerminal(state.status)) return
    state.status = status
    state.error = error
    state.endedMs = clock.ticksMs()
    tell()
  }

  function offer(output: unknown): void {
    for (const item of streamItems(output, options.streamItemMaxBytes)) {
      items += 1
      if (items !== faults.lostItem) unread.push({ output: item })
    }
  }

  const sink: JobSink = {
    started(workerId) {
      if (isTerminal(state.status)) return
      Object.assign(state, { status: 'IN_PROGRESS', workerId, startedMs: clock.ticksMs() })
      // A second attempt makes the result anew; what the first one streamed is with its readers.
      state.yielded = []
      state.progress = undefined
      tell()
    },
    yielded(output) {
      if (isTerminal(state.status)) return true
      state.yielded.push(output)
      offer(output)
      tell()
      return true
    },
    whenDrained: (callback) => callback(),
    progressed(output) {
      state.progress = output
    },
    done(result) {
      state.output = result === undefined ? state.yielded : result.output
      end('COMPLETED', null)
    },
    failed(error) {
      const timedOut = error === executionTimeoutError
      end(timedOut ? options.executionTimeoutStatus : 'FAILED', error)
    },
    requeued() {
      if (isTerminal(state.status)) return
      Object.assign(state, { status: 'IN_QUEUE', workerId: null, startedMs: null })
      state.retries += 1
      tell()
    },
    torn: () => end('FAILED', lostWorkerError),
  }

  return {
    id,
    sink,
    listeners,
    status: () => state.status,
    envelope: () => envelopeOf(id, state, faults.losesOutput),
    drain() {
      const given = unread
      unread = []
      return given
    },
    hasUnread: () => unread.length > 0,
    cancel() {
      if (isTerminal(state.status)) return false
      end('CANCELLED', null)
      return true
    },
    restart() {
      state = waiting(clock.ticksMs())
      unread = []
      tell()
    },
    vanish() {
      isGone = true
      end('CANCELLED', null)
      tell()
    },
    isGone: () => isGone,
  }
}

function waiting(queuedMs: number): JobState {
  return {
    status: 'IN_QUEUE',
    queuedMs,
    startedMs: null,
    endedMs: null,
    workerId: null,
    error: null,
    retries: 0,
    output: undefined,
    yielded: [],
    progress: undefined,
  }
}

/** The keys are in the order in which the platform writes them. */
function envelopeOf(id: string, state: JobState, losesOutput: boolean): JobEnvelope {
  const { startedMs, endedMs, queuedMs, status, error, retries, workerId } = state
  return {
    ...(startedMs !== null && { delayTime: Math.round(startedMs - queuedMs) }),
    ...(error !== null && { error }),
    ...(endedMs !== null &&
      startedMs !== null && { executionTime: Math.round(endedMs - startedMs) }),
    id,
    ...outputOf(state, losesOutput),
    ...(retries > 0 && { retries }),
    status,
    ...(workerId !== null && { workerId }),
  }
}

/** What is told of a job's output: all of it once it is done, and before that its progress. */
function outputOf({ status, output, progress }: JobState, losesOutput: boolean) {
  if (status === 'COMPLETED') return losesOutput ? {} : { output }
  return status === 'IN_PROGRESS' && progress !== undefined ? { output: progress } : {}
}
