// Workers that attach from outside and ask for work, as the RunPod SDK does. Whoever asks first is
// given all that he has room for, so the first worker hoards. The platform hears of a job by the
// posts about it and by the pings that name it; a job of which nothing is heard for a while goes
// back to the queue, even when its worker is well: that is how a job ends that a worker dropped.
import type { Clock } from '#domain'
import type { Census, Crew, JobQueue, Work } from '../crew.ts'
import type { SimulatorOptions } from '../options.ts'
import type { WorkerView } from '../worker/worker-events.ts'
import {
  type AttachedWorker,
  attachedWorker,
  oldestSignMs,
  type Poll,
  silentJobs,
  viewOf,
} from './attached-worker.ts'

export interface ExternalCrew extends Crew {
  /** Answers with jobs once there are some, or with none after a while. Null: too many workers. */
  take(workerId: string, max: number, answer: (jobs: readonly Work[]) => void): GiveUp | null
  /** Answers with the jobs to stop once there are some, or with none after a while. */
  askStops(workerId: string, answer: (jobIds: readonly string[]) => void): GiveUp | null
  /** The job, if this worker holds it; a sign of life of both. `stopped`: it did, until a stop. */
  held(workerId: string, jobId: string): Work | 'stopped' | null
  /** The worker is done with it. */
  release(workerId: string, jobId: string): void
  ping(workerId: string, jobIds: readonly string[], isUnhealthy: boolean): void
  views(): WorkerView[]
}

/** Nobody waits for the answer any more. */
export type GiveUp = () => void

type Limits = Pick<SimulatorOptions, 'workerPollMs' | 'workerSilentMs'>

const workersMax = 1000
const stoppedMax = 1000

export function isExternal(crew: Crew): crew is ExternalCrew {
  return 'askStops' in crew
}

export function openExternalCrew(queue: JobQueue, limits: Limits, clock: Clock): ExternalCrew {
  const workers = new Map<string, AttachedWorker>()
  /** Who asks for jobs, the longest waiting first. */
  const asking = new Set<AttachedWorker>()
  let isClosed = false

  function heardOf(id: string): AttachedWorker | null {
    const known = workers.get(id)
    if (known !== undefined) {
      known.heardAtMs = clock.ticksMs()
      return known
    }
    if (isClosed || workers.size >= workersMax) return null
    const worker = attachedWorker(id, clock.ticksMs())
    workers.set(id, worker)
    listen(worker)
    return worker
  }

  /** One timer per worker, set to the moment at which a silence can first be too long. */
  function listen(worker: AttachedWorker): void {
    const dueMs = oldestSignMs(worker) + limits.workerSilentMs - clock.ticksMs()
    worker.silence = clock.after(Math.max(1, dueMs), () => {
      const sinceMs = clock.ticksMs() - limits.workerSilentMs
      for (const work of silentJobs(worker, sinceMs)) {
        worker.jobs.delete(work.jobId)
        queue.putBack(work)
      }
      if (worker.heardAtMs <= sinceMs) detach(worker)
      else listen(worker)
      giveOut()
    })
  }

  function detach(worker: AttachedWorker): void {
    worker.silence?.cancel()
    endJobPoll(worker, [])
    endStopPoll(worker, [])
    workers.delete(worker.id)
  }

  function giveOut(): void {
    for (const worker of asking) {
      const max = worker.jobPoll?.max ?? 0
      const jobs: Work[] = []
      while (jobs.length < max) {
        const work = queue.take()
        if (work === undefined) break
        worker.jobs.set(work.jobId, { work, heardAtMs: clock.ticksMs() })
        jobs.push(work)
      }
      if (jobs.length === 0) return
      endJobPoll(worker, jobs)
      for (const work of jobs) work.sink.started(worker.id)
    }
  }

  function endJobPoll(worker: AttachedWorker, jobs: readonly Work[]): void {
    asking.delete(worker)
    const poll = worker.jobPoll
    worker.jobPoll = null
    end(poll, jobs)
  }

  function endStopPoll(worker: AttachedWorker, jobIds: readonly string[]): void {
    const poll = worker.stopPoll
    worker.stopPoll = null
    end(poll, jobIds)
  }

  return {
    take(workerId, max, answer) {
      const worker = heardOf(workerId)
      if (worker === null) return null
      endJobPoll(worker, [])
      worker.isUnhealthy = false
      const timer = clock.after(limits.workerPollMs, () => endJobPoll(worker, []))
      const poll = { max, answer, timer }
      worker.jobPoll = poll
      asking.add(worker)
      giveOut()
      return () => {
        if (worker.jobPoll === poll) endJobPoll(worker, [])
      }
    },
    askStops(workerId, answer) {
      const worker = heardOf(workerId)
      if (worker === null) return null
      endStopPoll(worker, [])
      const timer = clock.after(limits.workerPollMs, () => endStopPoll(worker, []))
      const poll = { answer, timer }
      worker.stopPoll = poll
      if (worker.toStop.length > 0) endStopPoll(worker, worker.toStop.splice(0))
      return () => {
        if (worker.stopPoll === poll) endStopPoll(worker, [])
      }
    },
    held(workerId, jobId) {
      const worker = heardOf(workerId)
      const held = worker?.jobs.get(jobId)
      if (held === undefined) return worker?.stopped.has(jobId) ? 'stopped' : null
      held.heardAtMs = clock.ticksMs()
      return held.work
    },
    release(workerId, jobId) {
      workers.get(workerId)?.jobs.delete(jobId)
    },
    ping(workerId, jobIds, isUnhealthy) {
      const worker = heardOf(workerId)
      if (worker === null) return
      if (isUnhealthy) worker.isUnhealthy = true
      for (const jobId of jobIds) {
        const held = worker.jobs.get(jobId)
        if (held !== undefined) held.heardAtMs = clock.ticksMs()
      }
    },
    look: giveOut,
    stop(work) {
      const worker = [...workers.values()].find(({ jobs }) => jobs.get(work.jobId)?.work === work)
      if (worker === undefined) return false
      worker.jobs.delete(work.jobId)
      remember(worker.stopped, work.jobId)
      if (worker.toStop.length < stoppedMax) worker.toStop.push(work.jobId)
      if (worker.stopPoll !== null) endStopPoll(worker, worker.toStop.splice(0))
      return true
    },
    running: () => [...workers.values()].reduce((sum, { jobs }) => sum + jobs.size, 0),
    census: () => count([...workers.values()]),
    views: () => [...workers.values()].map((worker) => viewOf(worker, clock.ticksMs())),
    close() {
      isClosed = true
      for (const worker of [...workers.values()]) detach(worker)
    },
  }
}

/** The oldest is forgotten for it. */
function remember(stopped: Set<string>, jobId: string): void {
  const [oldest] = stopped
  if (stopped.size >= stoppedMax && oldest !== undefined) stopped.delete(oldest)
  stopped.add(jobId)
}

function end<Answer>(poll: Poll<Answer> | null, found: Answer): void {
  poll?.timer.cancel()
  poll?.answer(found)
}

/** Idle and ready are one number, as everywhere; how a worker boots is not seen from here. */
function count(workers: readonly AttachedWorker[]): Census {
  const unhealthy = workers.filter(({ isUnhealthy }) => isUnhealthy).length
  const running = workers.filter(({ jobs, isUnhealthy }) => jobs.size > 0 && !isUnhealthy).length
  const idle = workers.length - unhealthy - running
  return { idle, initializing: 0, ready: idle, running, throttled: 0, unhealthy }
}
