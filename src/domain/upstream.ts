// The contract between routing and the upstreams, which know nothing of each other. A new kind of
// upstream is done when the suite in tests/contracts/ is green.
import type { Answer } from './answer.ts'
import type { Progress, Readiness } from './readiness.ts'

/** Whether closing the connection provably stops the work, or is only hoped to. */
export type Cancellation = 'proven' | 'hoped'

/** What one attempt sends. */
export interface UpstreamRequest {
  requestId: string
  /** The path below the dialect's root, such as `/v1/chat/completions`. */
  path: string
  body: Buffer
  stream: boolean
}

/** How the work ended, so that its place at the upstream is free. */
export interface Released {
  how: 'unsent' | 'ended' | 'destroyed' | 'held'
  cancellation: 'none' | Cancellation
}

/** How long an attempt may take, and whom it tells. */
export interface OpenContext {
  /** Abandons the call: `open` rejects at once, and the upstream cleans up by itself. */
  signal: AbortSignal
  /** When the whole call ends, on the clock's ticks. */
  deadlineTicksMs: number
  onProgress(progress: Progress): void
  /** Called exactly once per `open`, also for one that rejects: only then the place is free. */
  onReleased(released: Released): void
}

export interface Upstream {
  readonly transport: string
  readonly cancellation: Cancellation
  /** Resolves when a good answer begins; rejects with a Fault. */
  open(request: UpstreamRequest, context: OpenContext): Promise<Answer>
  /** The dialect in which a surface's calls are sent; null: it cannot serve them. */
  speaks(surface: string): string | null
  /** The largest body that it takes; larger ones are refused unsent. */
  readonly bodyBytesMax: number
  /** Never makes a request that could wake a worker. */
  readiness(): Readiness
  /** Places right now: one while cold, the slots when warm. */
  capacity(): number
  /** Tells that readiness or capacity changed, so that waiting calls may go on. */
  onChange(listener: () => void): Disposable
  /** Closes its connections; all calls have ended before. */
  close(): Promise<void>
}
