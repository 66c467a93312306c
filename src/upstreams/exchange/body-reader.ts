// Turns the bytes of a good answer into events: an event stream piece by piece, a whole body at its
// end. What an event means is decided here, once: content, the end, or a failure inside a 200.
import { Fault, type UpstreamEvent } from '#domain'
import { createSseSplitter, type Mould, mouldOf, parseObject, type SseSplitter } from '#wire'
import type { UpstreamOptions } from '../options.ts'
import { failureIn } from './failures.ts'

export interface BodyReader {
  push(bytes: Buffer): UpstreamEvent[]
  /** What the end of the body completes. */
  end(): UpstreamEvent[]
}

export function streamReader(options: UpstreamOptions, dialect: string): BodyReader {
  return new StreamReader(options, dialect)
}

export function wholeReader(options: UpstreamOptions): BodyReader {
  return new WholeReader(options)
}

/** Classes: closures and their contexts weigh more, and there is one for every call. */
class WholeReader implements BodyReader {
  readonly #bytesMax: number
  #byteCount = 0
  /** Most bodies come in one piece, which need not be copied. */
  #first: Buffer | null = null
  #others: Buffer[] | null = null

  constructor(options: UpstreamOptions) {
    this.#bytesMax = options.answerBytesMax
  }

  push(bytes: Buffer): UpstreamEvent[] {
    this.#byteCount += bytes.length
    if (this.#byteCount > this.#bytesMax) throw tooLarge()
    if (this.#first === null) this.#first = bytes
    else if (this.#others === null) this.#others = [bytes]
    else this.#others.push(bytes)
    return []
  }

  end(): UpstreamEvent[] {
    const others = this.#others ?? []
    const first = this.#first ?? Buffer.alloc(0)
    const whole = others.length === 0 ? first : Buffer.concat([first, ...others])
    return [wholeEvent(whole.toString('utf8'))]
  }
}

/** A mould costs as much as three chunks: in the long run, so many have to repeat each of them. */
const repeatsPerMould = 8
const mouldsInAdvance = 3

class StreamReader implements BodyReader {
  readonly #splitter: SseSplitter
  /** vLLM names its answer in every chunk. Others may not, and are not held to it. */
  readonly #isOneAnswer: boolean
  #id: unknown = null
  /** What the chunks before were cast in. */
  #mould: Mould | null = null
  #moulds = 0
  #repeats = 0

  constructor(options: UpstreamOptions, dialect: string) {
    this.#splitter = createSseSplitter(options.eventBytesMax)
    this.#isOneAnswer = dialect === 'vllm'
  }

  push(bytes: Buffer): UpstreamEvent[] {
    const only = this.#splitter.peek(bytes)
    if (only === null) return this.#splitter.push(bytes).map((data) => this.#event(data))
    // In what repeats a line, there is no line end.
    const repeated = this.#repeated(only)
    if (repeated !== null) return [repeated]
    if (!/[\r\n]/.test(only)) return [this.#read(only)]
    return this.#splitter.push(bytes).map((data) => this.#event(data))
  }

  end(): UpstreamEvent[] {
    // An event counts once its blank line arrived: what is left is half a sentence.
    return []
  }

  #event(data: string): UpstreamEvent {
    return this.#repeated(data) ?? this.#read(data)
  }

  /** It has the id of the chunk that it repeats, and like that no error. */
  #repeated(data: string): UpstreamEvent | null {
    const chunk = this.#mould?.cast(data) ?? null
    if (chunk !== null) this.#repeats += 1
    return chunk
  }

  #read(data: string): UpstreamEvent {
    const event = streamEvent(data)
    if (event.kind !== 'chunk') return event
    if (this.#isOneAnswer && typeof event.value.id === 'string') {
      // A platform that gives a lost job to another worker begins anew: two answers are never one.
      this.#id ??= event.value.id
      if (event.value.id !== this.#id) return { kind: 'failed', fault: begunAnew() }
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
  if (value === null) return { kind: 'failed', fault: nonsense('an event that is no JSON object') }
  const fault = value.error === undefined && value.object !== 'error' ? null : failureIn(value)
  // Data over several lines: in JSON a line end is a space, in our framing it would end the event.
  const text = data.includes('\n') ? data.replaceAll('\n', ' ') : data
  return fault === null ? { kind: 'chunk', text, value } : { kind: 'failed', fault }
}

function wholeEvent(text: string): UpstreamEvent {
  const value = parseObject(text)
  if (value === null) return { kind: 'failed', fault: nonsense('a body that is no JSON object') }
  const fault = failureIn(value)
  return fault === null ? { kind: 'whole', text, value } : { kind: 'failed', fault }
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
