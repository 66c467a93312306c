// One queue-based endpoint of RunPod: a first-in-first-out queue of jobs and a crew that takes from
// it. What happens to a job is watched here, so that it is the same for every kind of worker.
import type { Account, Endpoint, OpenCrew } from '../contract.ts'
import type { Work } from '../crew.ts'
import { openRateLimits } from '../edge/rate-limits.ts'
import { openBareEngine } from '../engine/bare-engine.ts'
import { openSequenceRoom } from '../engine/sequence-room.ts'
import { isExternal } from '../external/external-crew.ts'
import { openJobStore } from '../jobs/job-store.ts'
import type { EndpointOptions } from '../options.ts'
import { openCallCounters } from './counters.ts'
import { settingsOf } from './fleet-options.ts'
import { openJobQueue } from './job-queue.ts'
import { type WatchedJob, watchedJob } from './watched-job.ts'

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
  const counters = { ...openCallCounters(), completed: 0, failed: 0, retried: 0 }
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
      // Whoever hears that a job failed may submit the next one while this endpoint closes.
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
