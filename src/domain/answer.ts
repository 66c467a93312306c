// An upstream's answer, as a sequence of classified events.
import type { Fault } from './fault.ts'

/** An object that was parsed and not checked: whoever reads a member checks it. */
export type JsonObject = { readonly [name: string]: unknown }

export type UpstreamEvent =
  | Chunk
  | RepeatedChunk
  /** A whole, unstreamed body. */
  | { kind: 'whole'; text: string; value: JsonObject }
  /** The dialect's own mark of the end (`[DONE]`). */
  | { kind: 'done' }
  /** The upstream says that it failed. `isFound`: we found the failure; it may still generate. */
  | { kind: 'failed'; fault: Fault; isFound?: boolean }

/** One event of a stream: its JSON text as it came, and the same parsed, to read. */
export interface Chunk {
  readonly kind: 'chunk'
  readonly text: string
  readonly value: JsonObject
  readonly mould?: undefined
}

/** A chunk that differs from one before it only in the text of one string, and in its counts. */
export interface RepeatedChunk extends Omit<Chunk, 'mould'> {
  /** The same object for all chunks that differ in nothing else. */
  readonly mould: object
  /** The string as it is written between its quotes, and where in the text. */
  readonly content: string
  readonly contentAt: number
  /** Its size in bytes. Its text is made only when somebody asks for it. */
  readonly size: number
  /** Its running count; null: it has none. */
  readonly completionTokens: number | null
}

/** What an upstream said of the work; null: it did not say. */
export interface AnswerTimings {
  queueMs: number | null
  execMs: number | null
  workerId: string | null
  upstreamId: string | null
}

/** Disposing gives the answer up: it returns at once and never throws. */
export interface Answer extends Disposable {
  readonly dialect: string
  readonly timings: AnswerTimings
  /** The next event; null after the last. Rejects with a Fault when the answer breaks. */
  next(): Promise<UpstreamEvent | null>
  /** The next event is there already, and can be sent on together with this one. */
  hasMore(): boolean
}
