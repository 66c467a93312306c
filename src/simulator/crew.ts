// Who does the work of an endpoint: simulated workers that a scaler starts and stops, or real ones
// that attach from outside. The endpoint owns the queue; a crew takes from it when it has places.
import type { JobSubmission } from '#wire'
import type { FaultPlan } from './control/fault-plan.ts'
import type { EngineRequest } from './engine/text-route.ts'
import type { JobSink } from './job-sink.ts'
import type { ReplySink } from './reply-sink.ts'

/** What an endpoint is asked to do. */
export interface WorkOrder {
  readonly jobId: string
  readonly input: JobSubmission['input']
  readonly faults: FaultPlan
  readonly sink: JobSink
  /** A job of low priority never starts a worker. */
  readonly lowPriority?: boolean
  /** Without it: what the endpoint says. It counts only while the job runs. */
  readonly executionTimeoutMs?: number | null
  /** A load balancer's call: it goes to the worker's HTTP server and not to its handler. */
  readonly direct?: DirectCall
}

/** A job on its way through an endpoint. */
export interface Work extends WorkOrder {
  /** On the clock's ticks; delay counts from here. */
  readonly queuedAtMs: number
  /** How often the platform gave it to another worker because the first was lost. */
  retries: number
}

export interface DirectCall {
  readonly request: Omit<EngineRequest, 'wish'>
  readonly reply: ReplySink
  mayGoTo(workerId: string): boolean
}

/** Takes a job out of the queue, or away from its worker. A second call does nothing. */
export type Leave = () => void

/** First in, first out; a job whose worker was lost goes to the front. */
export interface JobQueue {
  /** The first; where the worker is told, the first that may go to it. */
  take(workerId?: string): Work | undefined
  putBack(work: Work): void
  length(): number
  /** What a scaler counts: jobs of low priority are left out. */
  wanting(): number
  /** How long the oldest has waited. */
  oldestWaitMs(): number
}

export interface Census {
  idle: number
  initializing: number
  ready: number
  running: number
  throttled: number
  unhealthy: number
}

export interface Crew {
  /** Something was queued, or left the queue. */
  look(): void
  /** Stops a job that this crew holds; false: it has none such. */
  stop(work: Work): boolean
  /** Jobs in the hands of workers. */
  running(): number
  census(): Census
  close(): void
}
