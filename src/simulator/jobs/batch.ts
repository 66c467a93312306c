// A batch: many requests that are collected first and then done a few at a time, beside the jobs of
// everybody else. It is done when all of its requests have ended.
import type { Clock } from '#domain'
import { isTerminal, type JobSubmission } from '#wire'
import type { FaultPlan } from '../control/fault-plan.ts'
import { faultPlan, markedFaults } from '../control/faults.ts'
import type { Leave, WorkOrder } from '../crew.ts'
import { type JobRecord, type JobRecordOptions, openJob } from './job-record.ts'

export interface Batch {
  readonly id: string
  readonly createdAtMs: number
  status(): 'DRAFT' | 'FINALIZED' | 'CANCELLED'
  requests(): readonly BatchRequest[]
  isDone(): boolean
  /** More requests, while it is a draft. */
  append(inputs: readonly JobSubmission['input'][]): void
  /** From here on it is worked on. */
  finalize(): void
  cancel(): void
}

export interface BatchRequest {
  readonly job: JobRecord
  readonly input: JobSubmission['input']
  readonly faults: FaultPlan
  startedAtMs: number | null
  completedAtMs: number | null
  leave: Leave
}

const runningMax = 10

/** What a batch needs of the account. */
interface BatchAccount {
  readonly clock: Clock
  readonly options: JobRecordOptions
  newJobId(kind: 'run'): string
}

/** `submit` gives one request to the endpoint as a job; null: there is no room for it. */
export function openBatch(
  id: string,
  submit: (order: WorkOrder) => Leave | null,
  { clock, options, newJobId }: BatchAccount,
): Batch {
  const requests: BatchRequest[] = []
  const running = new Set<JobRecord>()
  let status: ReturnType<Batch['status']> = 'DRAFT'
  let begun = 0
  let isFeeding = false

  function make(input: JobSubmission['input']): BatchRequest {
    const faults = faultPlan(markedFaults(Buffer.from(JSON.stringify(input))))
    const job = openJob(newJobId('run'), faults, options, clock)
    const request: BatchRequest = {
      job,
      input,
      faults,
      startedAtMs: null,
      completedAtMs: null,
      leave: () => {},
    }
    job.listeners.add(() => {
      if (job.status() === 'IN_PROGRESS') request.startedAtMs ??= clock.nowMs()
      if (!isTerminal(job.status()) || request.completedAtMs !== null) return
      request.completedAtMs = clock.nowMs()
      running.delete(job)
      feed()
    })
    return request
  }

  /** Jobs can end while they are begun, so it goes on by itself until there is nothing to begin. */
  function feed(): void {
    if (isFeeding) return
    isFeeding = true
    while (status === 'FINALIZED' && running.size < runningMax && begun < requests.length) begin()
    isFeeding = false
  }

  function begin(): void {
    const request = requests[begun]
    begun += 1
    if (request === undefined) return
    const { job, input, faults } = request
    running.add(job)
    const leave = submit({ jobId: job.id, input, faults, sink: job.sink })
    if (leave === null) job.sink.failed('the queue is full')
    else request.leave = leave
  }

  function isDone(): boolean {
    if (status === 'CANCELLED') return true
    return status === 'FINALIZED' && requests.every(({ job }) => isTerminal(job.status()))
  }

  return {
    id,
    createdAtMs: clock.nowMs(),
    status: () => status,
    requests: () => requests,
    isDone,
    append(inputs) {
      for (const input of inputs) requests.push(make(input))
    },
    finalize() {
      status = 'FINALIZED'
      feed()
    },
    cancel() {
      if (isDone()) return
      status = 'CANCELLED'
      for (const { job, leave } of requests) {
        if (job.cancel()) leave()
      }
    },
  }
}
