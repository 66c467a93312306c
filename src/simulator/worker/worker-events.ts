// What happens to workers, told as it happens. The bill, the logs and the worker list are made from
// it; none of them looks inside a worker.

export type WorkerEventKind =
  /** A container is about to be made. */
  | 'create'
  | 'pull'
  /** The container runs, and costs money from here. */
  | 'start'
  | 'load'
  | 'ready'
  | 'job-start'
  | 'job-end'
  /** The container ended by itself; it will be started again. */
  | 'crash'
  /** The container was stopped, and its state kept for a quick start. */
  | 'park'
  | 'stop'
  /** Nothing is left of the worker. */
  | 'remove'

export interface WorkerEvent {
  endpointId: string
  workerId: string
  atMs: number
  /** The same moment on the clock's ticks: for durations. */
  ticksMs: number
  what: WorkerEventKind
  /** Of `job-start` and `job-end`. */
  jobId: string | null
  /** What a second of this worker costs. */
  nanoUsdPerSecond: number
}

export type WorkerPhase =
  | 'parked'
  | 'throttled'
  | 'pull'
  | 'start'
  | 'load'
  | 'warm-up'
  | 'idle'
  | 'running'
  | 'unhealthy'

/** What can be seen of a worker. */
export interface WorkerView {
  id: string
  phase: WorkerPhase
  /** How long it has been in this phase. */
  sinceMs: number
  jobs: number
  /** When its container started; null: none runs. */
  startedAtMs: number | null
  /** Of which release of the endpoint it is, counted from 1. */
  release: number
  /** What a second costs while its container runs. */
  nanoUsdPerSecond: number
}

/** Told of every event of an account. */
export type WorkerEvents = (event: WorkerEvent) => void
