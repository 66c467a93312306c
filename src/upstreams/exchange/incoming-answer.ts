// The answer of one exchange, between the socket that pushes bytes and the relay that pulls events.
// It holds what the relay has not taken yet, and knows how much the upstream has said. It knows
// nothing of sockets, deadlines and places: those are the exchange's.
import type { Answer, AnswerTimings, Fault, UpstreamEvent } from '#domain'
import type { BodyReader } from './body-reader.ts'
import { EventQueue } from './event-queue.ts'
import { HeldBytes } from './held-bytes.ts'

/** What an answer tells the exchange that it comes from. */
export interface AnswerSource {
  /** The first event arrived, and it is no failure. */
  began(): void
  /** The relay took an event, or waits for the next. */
  taken(): void
  /** Nobody reads any more. */
  left(): void
}

const noTimings: AnswerTimings = { queueMs: null, execMs: null, workerId: null, upstreamId: null }

export class IncomingAnswer implements Answer {
  readonly dialect: string
  readonly timings = noTimings
  /** `all`: the upstream said that it is done, well or badly, so nothing generates any more. */
  said: 'nothing' | 'something' | 'all' = 'nothing'
  readonly #reader: BodyReader
  readonly #source: AnswerSource
  readonly #events = new EventQueue()
  readonly #unread = new HeldBytes()

  constructor(dialect: string, reader: BodyReader, source: AnswerSource) {
    this.dialect = dialect
    this.#reader = reader
    this.#source = source
  }

  /** Bytes that came and are no event yet. */
  get unreadBytes(): number {
    return this.#unread.bytes
  }

  /** Bytes of events that the relay has not taken yet. */
  get queuedBytes(): number {
    return this.#events.heldBytes
  }

  /** A failure that we found: the upstream does not know of it, and would go on generating. */
  push(bytes: Buffer): Fault | null {
    const found = this.#put(this.#reader.push(bytes))
    this.#unread.set(this.#reader.heldBytes())
    return found
  }

  /** The body is complete. */
  complete(): void {
    this.#put(this.#reader.end())
  }

  /** Nothing more will come; null: the answer is complete. */
  end(fault: Fault | null): void {
    this.#events.end(fault)
  }

  next(): Promise<UpstreamEvent | null> {
    const event = this.#events.next()
    this.#source.taken()
    return event
  }

  hasMore(): boolean {
    return this.#events.hasMore()
  }

  [Symbol.dispose](): void {
    this.#source.left()
    this.#events.discard()
    this.#unread.set(0)
  }

  /** Events behind the end are no part of the answer. */
  #put(events: readonly UpstreamEvent[]): Fault | null {
    for (const event of events) {
      if (this.said === 'all') return null
      const isFailure = event.kind === 'failed'
      if (this.said === 'nothing' && !isFailure) this.#source.began()
      const isFound = isFailure && event.isFound === true
      this.said = event.kind === 'done' || (isFailure && !isFound) ? 'all' : 'something'
      this.#events.push(event)
      if (isFound) return event.fault
    }
    return null
  }
}
