// The queue of an endpoint: first in, first out. A job whose worker was lost goes to the front,
// once; lost a second time it fails, as on the platform.
import { lostWorkerError } from '#wire'
import type { JobQueue, Work } from '../crew.ts'

export interface OpenQueue extends JobQueue {
  /** False: the queue is full. */
  add(work: Work): boolean
  /** False: it is not waiting here. */
  remove(work: Work): boolean
  /** Gives back what was waiting, in order. */
  clear(): Work[]
}

const retriesMax = 1

/** `nowMs` are the clock's ticks. */
export function openJobQueue(queueMax: () => number, nowMs: () => number): OpenQueue {
  const waiting: Work[] = []
  let head = 0
  let lowPriority = 0

  const length = () => waiting.length - head

  function count(work: Work, by: 1 | -1): void {
    if (work.lowPriority) lowPriority += by
  }

  /** Taken jobs leave a gap at the front, which is closed now and then and not at every take. */
  function closeGap(): void {
    if (head < 1024 && head < waiting.length) return
    waiting.splice(0, head)
    head = 0
  }

  /** A load balancer's calls each choose among the workers, so the first may be for another. */
  function takeFor(workerId: string): Work | undefined {
    for (let at = head; at < waiting.length; at += 1) {
      const work = waiting[at]
      if (work?.direct?.mayGoTo(workerId) !== true) continue
      waiting.splice(at, 1)
      count(work, -1)
      return work
    }
    return undefined
  }

  return {
    add(work) {
      if (length() >= queueMax()) return false
      waiting.push(work)
      count(work, 1)
      return true
    },
    take(workerId) {
      const work = waiting[head]
      if (work === undefined) return undefined
      if (workerId !== undefined && work.direct !== undefined) return takeFor(workerId)
      head += 1
      count(work, -1)
      closeGap()
      return work
    },
    putBack(work) {
      if (work.retries >= retriesMax) {
        work.sink.failed(lostWorkerError)
        return
      }
      work.retries += 1
      waiting.splice(head, 0, work)
      count(work, 1)
      work.sink.requeued()
    },
    remove(work) {
      const at = waiting.indexOf(work, head)
      if (at === -1) return false
      waiting.splice(at, 1)
      count(work, -1)
      return true
    },
    clear() {
      const left = waiting.splice(0).slice(head)
      head = 0
      lowPriority = 0
      return left
    },
    length,
    wanting: () => length() - lowPriority,
    oldestWaitMs() {
      const oldest = waiting[head]
      return oldest === undefined ? 0 : nowMs() - oldest.queuedAtMs
    },
  }
}
