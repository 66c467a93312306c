// Turns the bytes of a good answer into events: an event stream piece by piece, a whole body at its
// end. What an event means is decided here, once: content, the end, or a failure inside a 200.
import { Fault, type UpstreamEvent } from '#domain'
import { createSseSplitter, parseObject } from '#wire'
import type { UpstreamOptions } from '../options.ts'
import { failureIn } from './failures.ts'

export interface BodyReader {
  push(bytes: Buffer): UpstreamEvent[]
  /** What the end of the body completes. */
  end(): UpstreamEvent[]
}

export function streamReader(options: UpstreamOptions, dialect: string): BodyReader {
  const splitter = createSseSplitter(options.eventBytesMax)
  // vLLM names its answer in every chunk. Others may not, and are not held to it.
  const read = dialect === 'vllm' ? ofOneAnswer() : streamEvent
  return {
    push: (bytes) => splitter.push(bytes).map(read),
    // An event counts once its blank line arrived: what is left is half a sentence.
    end: () => [],
  }
}

export function wholeReader(options: UpstreamOptions): BodyReader {
  const pieces: Buffer[] = []
  let byteCount = 0
  return {
    push(bytes) {
      pieces.push(bytes)
      byteCount += bytes.length
      if (byteCount > options.answerBytesMax) throw tooLarge()
      return []
    },
    end: () => [wholeEvent(Buffer.concat(pieces).toString('utf8'))],
  }
}

/** A platform that gives a lost job to another worker begins anew: two answers are never one. */
function ofOneAnswer(): (data: string) => UpstreamEvent {
  let id: unknown = null
  return (data) => {
    const event = streamEvent(data)
    if (event.kind !== 'chunk' || typeof event.value.id !== 'string') return event
    id ??= event.value.id
    return event.value.id === id ? event : { kind: 'failed', fault: begunAnew() }
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
