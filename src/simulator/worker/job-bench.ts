// The jobs of one worker: it begins each, tells the account of its begin and end, stops one that
// nobody waits for, and gives all back to the queue when the worker is lost.
import type { Timer } from '#domain'
import type { CrewPorts } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import type { Leave, Work } from '../crew.ts'
import type { JobSink } from '../job-sink.ts'
import type { Hands } from './perform-job.ts'

export interface JobBench {
  run(work: Work, hands: Hands): void
  /** False: it is not here. */
  stop(work: Work): boolean
  /** Places that are taken; a job that went on although it was stopped takes one too. */
  held(): number
  /** Jobs that somebody still waits for. */
  running(): number
  /** Drops everything, and gives what somebody waits for back to the queue. */
  giveBack(): void
  close(): void
}

export interface BenchPorts {
  crew: CrewPorts
  workerId: string
  tell(what: 'job-start' | 'job-end', jobId: string): void
  /** A place became free. */
  freed(): void
  /** A fault wants the worker to be lost. */
  die(): void
}

interface Entry {
  stop: Leave
  /** Nobody waits for it any more, but the work goes on. */
  isMuted: boolean
  goesOn: boolean
}

export function openJobBench({ crew, workerId, tell, freed, die }: BenchPorts): JobBench {
  const { account, queue, endpointId } = crew
  const entries = new Map<Work, Entry>()

  function release(work: Work): void {
    if (!entries.delete(work)) return
    tell('job-end', work.jobId)
    freed()
  }

  /** The SDK rejects an empty input at each take and says nothing; the platform waits in vain. */
  function reject(work: Work): Leave {
    const timer: Timer = account.clock.after(crew.settings().lostAfterMs, () => {
      entries.delete(work)
      tell('job-end', work.jobId)
      queue.putBack(work)
      freed()
    })
    return () => timer.cancel()
  }

  function begin(work: Work, faults: FaultPlan, hands: Hands): Leave {
    if (Object.keys(work.input).length === 0) return reject(work)
    const sink = releasing(work.sink, () => release(work))
    return hands.perform(work, faults, sink, die)
  }

  return {
    run(work, hands) {
      const faults = faultsNow(work, account.rules.onTake(endpointId, workerId, work.faults))
      const goesOn = faults.ignoresStop || !crew.model().honoursStop
      const entry: Entry = { stop: () => {}, isMuted: false, goesOn }
      entries.set(work, entry)
      tell('job-start', work.jobId)
      work.sink.started(workerId)
      entry.stop = begin(work, faults, hands)
      // It ended, or its worker did, before there was anything to stop.
      if (!entries.has(work)) entry.stop()
    },
    stop(work) {
      const entry = entries.get(work)
      if (entry === undefined) return false
      if (entry.goesOn) entry.isMuted = true
      else {
        entry.stop()
        release(work)
      }
      return true
    },
    held: () => entries.size,
    running() {
      let count = 0
      for (const { isMuted } of entries.values()) if (!isMuted) count += 1
      return count
    },
    giveBack() {
      const lost = [...entries]
      entries.clear()
      for (const [work, { stop }] of lost) {
        stop()
        tell('job-end', work.jobId)
      }
      // The last goes first, so that they stand at the front in their old order.
      for (const [work, { isMuted }] of lost.reverse()) if (!isMuted) queue.putBack(work)
    },
    close() {
      const left = [...entries.values()]
      entries.clear()
      for (const { stop } of left) stop()
    },
  }
}

/** A worker that dies of a job does so once, unless it is asked to do it again. */
function faultsNow(work: Work, faults: FaultPlan): FaultPlan {
  const isSpent = work.retries > 0 && !faults.diesAgain
  if (faults.breakOff?.how !== 'worker-dies' || !isSpent) return faults
  return { ...faults, breakOff: null }
}

/** Frees the place at the worker when the answer is over. */
function releasing(sink: JobSink, release: Leave): JobSink {
  return {
    ...sink,
    done(result) {
      sink.done(result)
      release()
    },
    failed(error) {
      sink.failed(error)
      release()
    },
    torn(rest) {
      sink.torn(rest)
      release()
    },
  }
}
