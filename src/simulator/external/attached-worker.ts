// A real worker as the platform sees it: the jobs that it holds, the questions that it has open,
// and when it was last heard of. It attaches by asking for work and is forgotten after a long
// silence.
import type { Timer } from '#domain'
import type { Work } from '../crew.ts'
import type { WorkerView } from '../worker/worker-events.ts'

/** A question of a worker's that is held until there is something to say. */
export interface Poll<Answer> {
  answer(found: Answer): void
  timer: Timer
}

interface JobPoll extends Poll<readonly Work[]> {
  /** How many jobs it has room for. */
  max: number
}

interface HeldJob {
  work: Work
  /** On the clock's ticks: the last post about it, or the last ping that named it. */
  heardAtMs: number
}

export interface AttachedWorker {
  readonly id: string
  readonly jobs: Map<string, HeldJob>
  heardAtMs: number
  /** It said of itself that it cannot work. */
  isUnhealthy: boolean
  jobPoll: JobPoll | null
  stopPoll: Poll<readonly string[]> | null
  /** Jobs to be stopped that it has not been told of. */
  toStop: string[]
  /** Jobs taken from it: what it still posts about them is dropped. */
  readonly stopped: Set<string>
  silence: Timer | null
}

export function attachedWorker(id: string, heardAtMs: number): AttachedWorker {
  return {
    id,
    jobs: new Map(),
    heardAtMs,
    isUnhealthy: false,
    jobPoll: null,
    stopPoll: null,
    toStop: [],
    stopped: new Set(),
    silence: null,
  }
}

/** What can be seen of it from here; where it runs and what it costs is its owner's business. */
export function viewOf(worker: AttachedWorker, nowMs: number): WorkerView {
  const { id, jobs, isUnhealthy, heardAtMs } = worker
  const atWork = jobs.size > 0 ? 'running' : 'idle'
  return {
    id,
    phase: isUnhealthy ? 'unhealthy' : atWork,
    sinceMs: nowMs - heardAtMs,
    jobs: jobs.size,
    startedAtMs: null,
    release: 1,
    nanoUsdPerSecond: 0,
  }
}

/**
 * Jobs of which nothing was heard since then. Of a worker that is silent itself these are all: one
 * that it was given since then is not a sign of its life.
 */
export function silentJobs(worker: AttachedWorker, sinceMs: number): Work[] {
  const isSilent = worker.heardAtMs <= sinceMs
  const silent = [...worker.jobs.values()].filter(
    ({ heardAtMs }) => isSilent || heardAtMs <= sinceMs,
  )
  return silent.map(({ work }) => work)
}

/** The earliest sign of life that is still waiting for its successor. */
export function oldestSignMs(worker: AttachedWorker): number {
  let oldest = worker.heardAtMs
  for (const { heardAtMs } of worker.jobs.values()) oldest = Math.min(oldest, heardAtMs)
  return oldest
}
