// The shapes of RunPod's job API for queue-based endpoints: what is submitted, and the envelope in
// which a job's state comes back. Keys are in the order in which the platform writes them.

export type JobStatus =
  | 'IN_QUEUE'
  | 'IN_PROGRESS'
  | 'COMPLETED'
  | 'FAILED'
  | 'CANCELLED'
  | 'TIMED_OUT'

/** The body of `/run` and `/runsync`; times in milliseconds. */
export interface JobSubmission {
  input: { readonly [name: string]: unknown }
  policy?: { executionTimeout?: number; ttl?: number; lowPriority?: boolean }
}

/** What `/status`, `/status-sync` and `/runsync` answer. */
export interface JobEnvelope {
  /** Milliseconds until the last attempt began; from IN_PROGRESS on. */
  delayTime?: number
  /** What went wrong; only for FAILED and TIMED_OUT. */
  error?: string
  /** Milliseconds in the handler; only for jobs that have ended. */
  executionTime?: number
  id: string
  /** The handler's result; the vLLM worker always gives a list. */
  output?: unknown
  /** How often it was given to another worker, if it was. */
  retries?: number
  status: JobStatus
  workerId?: string
}

/** What `/stream` answers: everything that was produced since the last time somebody asked. */
export interface JobStreamReply {
  status: JobStatus
  stream: { output: unknown }[]
}

export interface EndpointHealth {
  jobs: Record<'completed' | 'failed' | 'inProgress' | 'inQueue' | 'retried', number>
  workers: Record<'idle' | 'initializing' | 'ready' | 'running' | 'throttled' | 'unhealthy', number>
}

export function isTerminal(status: JobStatus): boolean {
  return status !== 'IN_QUEUE' && status !== 'IN_PROGRESS'
}

/** The platform's error for a job whose worker was lost twice. */
export const lostWorkerError = 'job timed out after 1 retries'
/** Its error for a job that ran longer than it may. */
export const executionTimeoutError = 'executionTimeout exceeded'
/** What the OpenAI route tells its client of a failed job, whatever the reason was. */
export const openaiRouteError = 'Error processing the request'
