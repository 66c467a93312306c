// Turns the bytes of a good answer into events: an event stream piece by piece, a whole body at its
// end. What an event means is decided here, once: content, the end, or a failure inside a 200.
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
  /** Never throws: what cannot be read is an event too, behind those that could. */
  push(bytes: Buffer): readonly UpstreamEvent[]
  /** What the end of the body completes. */
  end(): readonly UpstreamEvent[]
  /** What came and is no event yet. */
  heldBytes(): number
}

const none: readonly UpstreamEvent[] = []

export function streamReader(options: UpstreamOptions, dialect: string): BodyReader {
  return new StreamReader(options, dialect)
}

export function wholeReader(options: UpstreamOptions): BodyReader {
  return new WholeReader(options)
}

/** Classes: closures and their contexts weigh more, and there is one for every call. */
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

/** A mould costs as much as three chunks: in the long run, so many have to repeat each of them. */
const repeatsPerMould = 8
const mouldsInAdvance = 3

class StreamReader implements BodyReader {
  readonly #splitter: SseSplitter
  readonly #eventBytesMax: number
  /** vLLM names its answer in every chunk. Others may not, and are not held to it. */
  readonly #isOneAnswer: boolean
  #id: unknown = null
  /** What the chunks before were cast in. */
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
    // An event counts once its blank line arrived: what is left is half a sentence.
    return none
  }

  heldBytes(): number {
    return this.#splitter.heldBytes()
  }

  /** It has the id of the chunk that it repeats, and like that no error. */
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
      // A platform that gives a lost job to another worker begins anew: two answers are never one.
      this.#id ??= event.value.id
      if (event.value.id !== this.#id) return found(begunAnew())
    }
    this.#learn(event.text)
    return event
  }

  #learn(text: string): void {
    if (this.#moulds > mouldsInAdvance + this.#repeats / repeatsPerMould) return
    this.#moulds += 1
    // The first chunk of a stream says who speaks, which no other repeats.
    if (this.#moulds > 1) this.#mould = mouldOf(text) ?? this.#mould
  }
}

function streamEvent(data: string): UpstreamEvent {
  // Read as leniently as the SDKs do: no JSON begins like that.
  if (data.startsWith('[DONE]')) return { kind: 'done' }
  const value = parseObject(data)
  if (value === null) return found(nonsense('an event that is no JSON object'))
  const fault = value.error === undefined && value.object !== 'error' ? null : failureIn(value)
  // Data over several lines: in JSON a line end is a space, in our framing it would end the event.
  const text = data.includes('\n') ? data.replaceAll('\n', ' ') : data
  return fault === null ? { kind: 'chunk', text, value } : { kind: 'failed', fault }
}

function wholeEvent(text: string): UpstreamEvent {
  const value = parseObject(text)
  if (value === null) return found(nonsense('a body that is no JSON object'))
  const fault = failureIn(value)
  return fault === null ? { kind: 'whole', text, value } : { kind: 'failed', fault }
}

/** Nobody said so: whoever works on it may go on. */
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
