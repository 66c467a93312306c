// What an upstream answers, as a sequence of classified events.
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
  /**
   * The upstream says that it failed, in the middle of its answer. Or it was found out that it did,
   * and then it may well go on.
   */
  | { kind: 'failed'; fault: Fault; isFound?: boolean }

/** One event of a stream: its JSON text as it came, and the same parsed, to read. */
export interface Chunk {
  readonly kind: 'chunk'
  readonly text: string
  readonly value: JsonObject
  readonly mould?: undefined
}

/** A chunk that is what others before it were, but for the text of one string and its counts. */
export interface RepeatedChunk extends Omit<Chunk, 'mould'> {
  /** One object for all that differ in nothing else. */
  readonly mould: object
  /** That string as it stands between its quotes, and where. */
  readonly content: string
  readonly contentAt: number
  /** What it takes, in bytes: its text is only made when somebody asks for it. */
  readonly size: number
  /** Its running count, where it has one. */
  readonly completionTokens: number | null
}

/** What an upstream said of the work; null: it did not say. */
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
  /** The next one is there already: what came together can go on together. */
  hasMore(): boolean
}
