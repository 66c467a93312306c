// The jobs that an endpoint remembers. A job is forgotten when its time to live is over, whatever
// it is doing by then, or some time after it ended; from then on nobody has heard of it.
import type { Clock, Timer } from '#domain'
import { isTerminal } from '#wire'
import type { JobRecord } from './job-record.ts'

export interface JobEntry {
  readonly job: JobRecord
  /** Takes the job out of the queue, or away from its worker. */
  leave(): void
  /** False: the queue is full. */
  retry(): boolean
}

export interface JobStore {
  isFull(): boolean
  add(entry: JobEntry, lifetimes: { ttlMs: number; retentionMs: number }): void
  find(id: string): JobEntry | null
  /** The job's time to live begins anew. */
  setTtl(id: string, ttlMs: number): void
  all(): JobEntry[]
  close(): void
}

interface Kept {
  entry: JobEntry
  ttl: Timer
  retentionMs: number
  endedMs: number | null
}

export function openJobStore(jobsMax: number, clock: Clock): JobStore {
  const kept = new Map<string, Kept>()

  function forget(id: string): void {
    const one = kept.get(id)
    if (one === undefined) return
    kept.delete(id)
    one.ttl.cancel()
    one.entry.leave()
    one.entry.job.vanish()
  }

  function isOver({ endedMs, retentionMs }: Kept): boolean {
    return endedMs !== null && endedMs + retentionMs <= clock.ticksMs()
  }

  /** Jobs end in about the order in which they came, so the oldest are looked at first; only when
   * there is no room is it worth to look behind one that goes on. */
  function forgetOld(): void {
    for (const [id, one] of kept) {
      const isCrowded = kept.size >= jobsMax
      if (isOver(one) || (isCrowded && one.endedMs !== null)) forget(id)
      else if (!isCrowded) return
    }
  }

  return {
    isFull() {
      forgetOld()
      return kept.size >= jobsMax
    },
    add(entry, { ttlMs, retentionMs }) {
      const { job } = entry
      const ttl = clock.after(ttlMs, () => forget(job.id))
      const one: Kept = { entry, ttl, retentionMs, endedMs: null }
      const look = () => {
        one.endedMs = isTerminal(job.status()) ? (one.endedMs ?? clock.ticksMs()) : null
      }
      look()
      job.listeners.add(look)
      kept.set(job.id, one)
    },
    find(id) {
      const one = kept.get(id)
      if (one === undefined) return null
      if (isOver(one)) {
        forget(id)
        return null
      }
      return one.entry
    },
    setTtl(id, ttlMs) {
      const one = kept.get(id)
      if (one === undefined) return
      one.ttl.cancel()
      one.ttl = clock.after(ttlMs, () => forget(id))
    },
    all: () => [...kept.values()].filter((one) => !isOver(one)).map(({ entry }) => entry),
    close() {
      for (const { ttl } of kept.values()) ttl.cancel()
      kept.clear()
    },
  }
}
