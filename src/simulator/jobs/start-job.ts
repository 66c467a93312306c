// From a submission to a job that waits in its endpoint's queue and is remembered: the record is
// the sink of whoever will do the work, and a webhook hears of its end.
import { isTerminal } from '#wire'
import type { Account, Endpoint } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import type { Leave } from '../crew.ts'
import { type JobRecord, openJob } from './job-record.ts'
import type { JobEntry } from './job-store.ts'
import type { Submission } from './submission.ts'

export interface JobOrder {
  readonly kind: 'run' | 'runsync'
  readonly submission: Submission
  readonly faults: FaultPlan
}

/** Null: there is no room for it. */
export function startJob(endpoint: Endpoint, account: Account, order: JobOrder): JobEntry | null {
  const { options, clock } = account
  const { submission, faults, kind } = order
  if (endpoint.jobs.isFull()) return null
  const job = openJob(account.newJobId(kind), faults, options, clock)
  let leave: Leave | null = null
  const enqueue = () => {
    leave = endpoint.submit({
      jobId: job.id,
      input: submission.input,
      faults,
      sink: job.sink,
      lowPriority: submission.policy.lowPriority,
      executionTimeoutMs: submission.policy.executionTimeoutMs,
    })
    return leave !== null
  }
  if (!enqueue()) return null
  const entry: JobEntry = {
    job,
    leave: () => leave?.(),
    retry() {
      job.restart()
      const isQueued = enqueue()
      if (!isQueued) job.sink.failed('the queue is full')
      return isQueued
    },
  }
  const vanishMs = faults.vanishAfterMs ?? Number.POSITIVE_INFINITY
  endpoint.jobs.add(entry, {
    ttlMs: Math.min(submission.policy.ttlMs, vanishMs),
    retentionMs: kind === 'run' ? options.runRetentionMs : options.runsyncRetentionMs,
  })
  if (submission.webhook !== null) tellWebhook(job, submission.webhook, order, account)
  return entry
}

/** Once for each end: a job that is retried has several. */
function tellWebhook(job: JobRecord, url: string, order: JobOrder, account: Account): void {
  let isTold = false
  const look = () => {
    const isOver = isTerminal(job.status()) && !job.isGone()
    if (isOver && !isTold) {
      const body = { ...job.envelope(), input: order.submission.input, webhook: url }
      account.webhooks.announce(url, body, order.faults.webhookFailures)
    }
    isTold = isOver
  }
  look()
  job.listeners.add(look)
}
