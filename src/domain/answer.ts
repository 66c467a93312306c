// What an upstream answers, as a sequence of classified events.
import type { Fault } from './fault.ts'

export type JsonObject = { readonly [name: string]: unknown }

export type UpstreamEvent =
  /** One event of a stream: its JSON text as it came, and the same parsed, to read. */
  | { kind: 'chunk'; text: string; value: JsonObject }
  /** A whole, unstreamed body. */
  | { kind: 'whole'; text: string; value: JsonObject }
  /** The dialect's own mark of the end (`[DONE]`). */
  | { kind: 'done' }
  /** The upstream says that it failed, in the middle of its answer. */
  | { kind: 'failed'; fault: Fault }

export interface AnswerTimings {
  queueMs: number | null
  execMs: number | null
  workerId: string | null
  upstreamId: string | null
}

/** Disposing starts the cleaning, returns at once and never throws. */
export interface Answer extends Disposable {
  readonly dialect: string
  readonly timings: AnswerTimings
  /** The next event; null after the last. Rejects with a Fault when the answer breaks. */
  next(): Promise<UpstreamEvent | null>
}
