// One queue-based endpoint of RunPod: a first-in-first-out queue of jobs and a crew that takes from
// it. What happens to a job is watched here, so that it is the same for every kind of worker.
import type { Account } from '../account.ts'
import type { Census, Crew, JobQueue, Leave, Work } from '../crew.ts'
import { openRateLimits, type RateLimits } from '../edge/rate-limits.ts'
import { type BareEngine, openBareEngine } from '../engine/bare-engine.ts'
import { openSequenceRoom, type SequenceRoom } from '../engine/sequence-room.ts'
import { isExternal } from '../external/external-crew.ts'
import type { BatchStore } from '../jobs/batch-api.ts'
import { type JobStore, openJobStore } from '../jobs/job-store.ts'
import type { EndpointOptions } from '../options.ts'
import type { Fleet } from '../worker/fleet.ts'
import type { WorkerView } from '../worker/worker-events.ts'
import { openJobQueue } from './job-queue.ts'
import { type EndpointSettings, settingsOf } from './settings.ts'
import { type WatchedJob, watchedJob } from './watched-job.ts'

export interface Endpoint {
  readonly id: string
  readonly model: EndpointOptions
  /** A stock vLLM server beside the workers, always up. */
  readonly bareEngine: BareEngine
  /** How many sequences its engines run, those of workers and the one beside them. */
  readonly room: SequenceRoom
  readonly counters: EndpointCounters
  /** The jobs that it remembers. */
  readonly jobs: JobStore
  readonly batches: BatchStore
  readonly rateLimits: RateLimits
  /** Who does its jobs. */
  readonly crew: Crew
  /** Its simulated workers; null where real ones do the work. */
  readonly fleet: Fleet | null
  /** Null: the queue is full, or the endpoint was removed. */
  submit(work: Work): Leave | null
  /** Fails what waits; the number of jobs. */
  failQueued(error: string): number
  load(): { queued: number; running: number }
  workers(): Census
  workerViews(): WorkerView[]
  oldestWaitMs(): number
  generatedTokens(): number
  /** Idle workers stop now, busy ones when they are done. */
  makeCold(): void
  settings(): EndpointSettings
  /** Changes what it is; a release starts its workers anew, the idle ones at once. */
  change(model: EndpointOptions, isRelease: boolean): void
  /** `failure` is told to whoever still waits for a job; null: nobody is told. */
  close(failure: string | null): void
}

/** The calls that were seen at a door since the start. */
export interface CallCounters {
  callsSeen: number
  openConnections: number
  /** Clients that left before the end of their answer. */
  clientsLeft: number
  /** Generations stopped because a client left or a job was cancelled. */
  aborted: number
}

/** What happened here since the start. */
export interface EndpointCounters extends CallCounters {
  completed: number
  failed: number
  /** Jobs given to another worker because the first was lost. */
  retried: number
}

/** What a crew is given of its endpoint. */
export interface CrewPorts {
  endpointId: string
  model(): EndpointOptions
  account: Account
  queue: JobQueue
  room: SequenceRoom
  settings(): EndpointSettings
}

export type OpenCrew = (ports: CrewPorts) => { crew: Crew; fleet: Fleet | null }

export function openEndpoint(
  id: string,
  first: EndpointOptions,
  account: Account,
  openCrew: OpenCrew,
): Endpoint {
  const { clock, options } = account
  let model = first
  let settings = settingsOf(options, model)
  const queue = openJobQueue(() => options.queueMax, clock.ticksMs)
  const room = openSequenceRoom(options.seqsMax)
  const bareEngine = openBareEngine(id, () => model, { ...options, room }, clock)
  const counters: EndpointCounters = {
    callsSeen: 0,
    openConnections: 0,
    clientsLeft: 0,
    aborted: 0,
    completed: 0,
    failed: 0,
    retried: 0,
  }
  const { crew, fleet } = openCrew({
    endpointId: id,
    model: () => model,
    account,
    queue,
    room,
    settings: () => settings,
  })
  const watch = {
    clock,
    counters,
    executionTimeoutMs: () => settings.executionTimeoutMs,
    stop: (work: Work) => void crew.stop(work),
    open: new Set<WatchedJob>(),
  }

  const jobs = openJobStore(options.jobsMax, clock)
  let isClosed = false
  return {
    id,
    get model() {
      return model
    },
    bareEngine,
    room,
    counters,
    jobs,
    batches: new Map(),
    rateLimits: openRateLimits(options, clock),
    crew,
    fleet,
    submit(asked) {
      // Who hears that a job failed may hand in the next one at once.
      if (isClosed) return null
      const { work, abandon } = watchedJob(asked, watch)
      if (!queue.add(work)) {
        abandon()
        return null
      }
      crew.look()
      return () => {
        abandon()
        if (queue.remove(work)) crew.look()
        else crew.stop(work)
      }
    },
    failQueued(error) {
      const left = queue.clear()
      for (const { sink } of left) sink.failed(error)
      return left.length
    },
    load: () => ({ queued: queue.length(), running: crew.running() }),
    workers: () => crew.census(),
    generatedTokens: () => bareEngine.generatedTokens() + (fleet?.generatedTokens() ?? 0),
    workerViews: () => fleet?.views() ?? (isExternal(crew) ? crew.views() : []),
    oldestWaitMs: queue.oldestWaitMs,
    makeCold: () => fleet?.replaceAll(false),
    settings: () => settings,
    change(changed, isRelease) {
      model = changed
      settings = settingsOf(options, model)
      fleet?.restoreMax()
      if (isRelease) fleet?.replaceAll(true)
      crew.look()
    },
    close(failure) {
      isClosed = true
      jobs.close()
      for (const { work, abandon } of [...watch.open]) {
        if (failure !== null) work.sink.failed(failure)
        abandon()
      }
      queue.clear()
      crew.close()
      if (failure !== null) bareEngine.happens('die')
      bareEngine.close()
    },
  }
}
