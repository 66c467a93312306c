// Stands between a crew and a job's own sink: it counts how jobs end, lets no job run longer than
// it may, and lets nothing through once a job is over, whoever did the work.
import type { Clock, Timer } from '#domain'
import { executionTimeoutError } from '#wire'
import type { Work, WorkOrder } from '../crew.ts'
import type { EndpointCounters } from './counters.ts'

export interface WatchedJob {
  work: Work
  /** Nobody waits for it any more. */
  abandon(): void
}

export interface JobWatch {
  clock: Clock
  counters: EndpointCounters
  executionTimeoutMs(): number
  /** Takes the job away from the worker that has it. */
  stop(work: Work): void
  /** The jobs that are not over. */
  open: Set<WatchedJob>
}

export function watchedJob(asked: WorkOrder, watch: JobWatch): WatchedJob {
  const { sink } = asked
  const { counters } = watch
  let limit: Timer | null = null
  let isOver = false

  /** False: it was over before. */
  function end(): boolean {
    if (isOver) return false
    isOver = true
    limit?.cancel()
    watch.open.delete(watched)
    return true
  }

  function expire(): void {
    watch.stop(work)
    work.sink.failed(executionTimeoutError)
  }

  const work: Work = {
    ...asked,
    queuedAtMs: watch.clock.ticksMs(),
    retries: 0,
    sink: {
      started(workerId) {
        if (isOver) return
        limit?.cancel()
        limit = watch.clock.after(asked.executionTimeoutMs ?? watch.executionTimeoutMs(), expire)
        sink.started(workerId)
      },
      yielded: (output) => isOver || sink.yielded(output),
      whenDrained: (callback) => sink.whenDrained(callback),
      progressed(output) {
        if (!isOver) sink.progressed(output)
      },
      done(result) {
        if (!end()) return
        counters.completed += 1
        sink.done(result)
      },
      failed(error) {
        if (!end()) return
        counters.failed += 1
        sink.failed(error)
      },
      requeued() {
        if (isOver) return
        limit?.cancel()
        counters.retried += 1
        sink.requeued()
      },
      torn(rest) {
        if (!end()) return
        counters.failed += 1
        sink.torn(rest)
      },
    },
  }
  const watched = { work, abandon: () => void end() }
  watch.open.add(watched)
  return watched
}
