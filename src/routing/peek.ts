// Looks at the first event of an answer before the client sees a status. An error inside a 200 is
// no answer, and until the client has seen something the call may still go to another deployment.
import { type Answer, Fault, type UpstreamEvent } from '#domain'

/** An answer that began. */
export interface BegunAnswer extends Answer {
  /** Told once how the answer ended, for the health of its deployment; null: it is complete. */
  ended(fault: Fault | null): void
}

export async function peek(answer: Answer): Promise<UpstreamEvent> {
  try {
    const first = await answer.next()
    if (first === null || first.kind === 'done') throw empty()
    if (first.kind === 'failed') throw first.fault
    return first
  } catch (cause) {
    answer[Symbol.dispose]()
    throw cause
  }
}

/** A class: a literal with a computed name goes through V8's runtime, 0.5 µs for each call. */
export class PeekedAnswer implements BegunAnswer {
  readonly dialect: string
  readonly timings: Answer['timings']
  readonly ended: BegunAnswer['ended']
  readonly #answer: Answer
  #peeked: UpstreamEvent | null

  constructor(answer: Answer, first: UpstreamEvent, ended: BegunAnswer['ended']) {
    this.dialect = answer.dialect
    this.timings = answer.timings
    this.ended = ended
    this.#answer = answer
    this.#peeked = first
  }

  next(): Promise<UpstreamEvent | null> {
    if (this.#peeked === null) return this.#answer.next()
    const event = this.#peeked
    this.#peeked = null
    return Promise.resolve(event)
  }

  hasMore(): boolean {
    return this.#peeked !== null || this.#answer.hasMore()
  }

  [Symbol.dispose](): void {
    this.#answer[Symbol.dispose]()
  }
}

function empty(): Fault {
  return new Fault('upstream_bad_answer', {
    message: 'The model’s server gave an empty answer.',
    started: 'yes',
    isFleeting: true,
  })
}
