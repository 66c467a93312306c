// The contract between the way of a call and whatever answers it. Routing and upstreams both speak
// it, so it lives here. A new kind of upstream is done when the suite in tests/contracts/ is green.
import type { Answer } from './answer.ts'
import type { Progress, Readiness } from './readiness.ts'

/** Whether tearing a call down provably stops the work, or is only hoped to. */
export type Cancellation = 'proven' | 'hoped'

/** What one attempt sends. */
export interface UpstreamRequest {
  requestId: string
  /** The path below the dialect's root, such as `/v1/chat/completions`. */
  path: string
  body: Buffer
  stream: boolean
}

/** How a place at the upstream came free. */
export interface Released {
  how: 'unsent' | 'ended' | 'destroyed' | 'held'
  cancellation: 'none' | Cancellation
}

/** How long an attempt may take, and whom it tells. */
export interface OpenContext {
  /** Means *abandon*: `open` rejects at once, the upstream finishes its own cleaning. */
  signal: AbortSignal
  /** When the whole call ends, on the clock's ticks. */
  deadlineTicksMs: number
  onProgress(progress: Progress): void
  /** Exactly once per `open`, also for one that rejected: only then is the place free. */
  onReleased(released: Released): void
}

export interface Upstream {
  readonly transport: string
  readonly cancellation: Cancellation
  /** Resolves with the head of a good answer; rejects with a Fault. */
  open(request: UpstreamRequest, context: OpenContext): Promise<Answer>
  /** The dialect to ask in for a surface, or null: cannot serve it. */
  speaks(surface: string): string | null
  /** The largest body that it takes; what is larger need not be sent to be refused. */
  readonly bodyBytesMax: number
  /** Never makes a request that could wake a worker. */
  readiness(): Readiness
  /** Places right now: one while cold, the slots when warm. */
  capacity(): number
  /** Readiness or capacity moved: waiters are looked at again. */
  onChange(listener: () => void): Disposable
  /** Closes idle connections; calls in flight have ended before. */
  close(): Promise<void>
}
