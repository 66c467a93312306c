// Turns the bytes of a good answer into events: an event stream as its pieces come, a whole body at
// its end. Only this file decides what an event is: content, the end, or a failure inside a 200.
import { Fault, type RepeatedChunk, type UpstreamEvent } from '#domain'
import {
  createSseSplitter,
  GatheredBytes,
  type Mould,
  mouldOf,
  parseObject,
  type SseSplitter,
} from '#wire'
import type { UpstreamOptions } from '../options.ts'
import { broken } from './breaks.ts'
import { failureIn } from './failures.ts'

export interface BodyReader {
  /** Never throws: bytes that cannot be read become a failure, behind the events before them. */
  push(bytes: Buffer): readonly UpstreamEvent[]
  /** The events that only the end of the body completes. */
  end(): readonly UpstreamEvent[]
  /** Bytes that came and are no event yet. */
  heldBytes(): number
}

const none: readonly UpstreamEvent[] = []

export function streamReader(options: UpstreamOptions, dialect: string): BodyReader {
  return new StreamReader(options, dialect)
}

export function wholeReader(options: UpstreamOptions): BodyReader {
  return new WholeReader(options)
}

/** Classes: every call has a reader, and closures with their contexts take more memory. */
class WholeReader implements BodyReader {
  readonly #bytesMax: number
  readonly #body = new GatheredBytes()

  constructor(options: UpstreamOptions) {
    this.#bytesMax = options.answerBytesMax
  }

  push(bytes: Buffer): readonly UpstreamEvent[] {
    if (this.#body.byteCount + bytes.length > this.#bytesMax) return [found(tooLarge())]
    this.#body.add(bytes)
    return none
  }

  end(): readonly UpstreamEvent[] {
    try {
      return [wholeEvent(this.#body.whole().toString('utf8'))]
    } catch (cause) {
      return [found(broken(cause, 'yes'))]
    }
  }

  heldBytes(): number {
    return this.#body.byteCount
  }
}

/** Cutting a mould costs as much as reading three chunks; so many must repeat it on average. */
const repeatsPerMould = 8
const mouldsInAdvance = 3

class StreamReader implements BodyReader {
  readonly #splitter: SseSplitter
  readonly #eventBytesMax: number
  /** vLLM gives all chunks of an answer the same id. Other servers need not. */
  readonly #isOneAnswer: boolean
  #id: unknown = null
  /** The mould of the chunks before. */
  #mould: Mould | null = null
  #moulds = 0
  #repeats = 0

  constructor(options: UpstreamOptions, dialect: string) {
    this.#splitter = createSseSplitter(options.eventBytesMax)
    this.#eventBytesMax = options.eventBytesMax
    this.#isOneAnswer = dialect === 'vllm'
  }

  push(bytes: Buffer): readonly UpstreamEvent[] {
    const only = this.#cast(bytes, 0)
    // The usual packet is one event.
    if (only?.size === bytes.length) return [only]
    const events: UpstreamEvent[] = []
    let at = 0
    for (let one = only; one !== null; one = this.#cast(bytes, at)) {
      events.push(one)
      at += one.size
    }
    if (at < bytes.length) this.#split(at === 0 ? bytes : bytes.subarray(at), events)
    return events
  }

  end(): readonly UpstreamEvent[] {
    // An event counts only when its blank line has arrived.
    return none
  }

  heldBytes(): number {
    return this.#splitter.heldBytes()
  }

  /** A chunk that repeats another has its id, and like that one it holds no error. */
  #cast(bytes: Buffer, at: number): RepeatedChunk | null {
    if (this.#mould === null || !this.#splitter.isIdle()) return null
    const chunk = this.#mould.cast(bytes, at)
    if (chunk === null || chunk.size > this.#eventBytesMax) return null
    this.#repeats += 1
    return chunk
  }

  #split(bytes: Buffer, events: UpstreamEvent[]): void {
    try {
      this.#splitter.push(bytes, (data) => events.push(this.#read(data)))
    } catch (cause) {
      events.push(found(broken(cause, 'yes')))
    }
  }

  #read(data: string): UpstreamEvent {
    const event = streamEvent(data)
    if (event.kind !== 'chunk') return event
    if (this.#isOneAnswer && typeof event.value.id === 'string') {
      // A platform may give a lost job to another worker, which begins a second answer.
      this.#id ??= event.value.id
      if (event.value.id !== this.#id) return found(begunAnew())
    }
    this.#learn(event.text)
    return event
  }

  #learn(text: string): void {
    if (this.#moulds > mouldsInAdvance + this.#repeats / repeatsPerMould) return
    this.#moulds += 1
    // Not from the first chunk: it names the role, which no other chunk does.
    if (this.#moulds > 1) this.#mould = mouldOf(text) ?? this.#mould
  }
}

function streamEvent(data: string): UpstreamEvent {
  // As lenient as the SDKs: no JSON begins like that.
  if (data.startsWith('[DONE]')) return { kind: 'done' }
  const value = parseObject(data)
  if (value === null) return found(nonsense('an event that is no JSON object'))
  const fault = value.error === undefined && value.object !== 'error' ? null : failureIn(value)
  // In JSON a line end counts as a space; in our framing it would end the event.
  const text = data.includes('\n') ? data.replaceAll('\n', ' ') : data
  return fault === null ? { kind: 'chunk', text, value } : { kind: 'failed', fault }
}

function wholeEvent(text: string): UpstreamEvent {
  const value = parseObject(text)
  if (value === null) return found(nonsense('a body that is no JSON object'))
  const fault = failureIn(value)
  return fault === null ? { kind: 'whole', text, value } : { kind: 'failed', fault }
}

/** The upstream did not say this: it may still be generating. */
function found(fault: Fault): UpstreamEvent {
  return { kind: 'failed', fault, isFound: true }
}

function nonsense(cause: string): Fault {
  return new Fault('upstream_bad_answer', {
    message: 'The model’s server gave an answer that cannot be read.',
    cause,
    started: 'yes',
  })
}

function begunAnew(): Fault {
  return new Fault('upstream_cut', {
    message: 'The model’s server began its answer anew.',
    cause: 'a chunk has another id than those before it',
    started: 'yes',
  })
}

function tooLarge(): Fault {
  return new Fault('upstream_too_large', {
    message: 'The model’s server gave a larger answer than this gateway allows.',
    started: 'yes',
  })
}
