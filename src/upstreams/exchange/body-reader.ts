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

export function streamReader(options: UpstreamOptions): BodyReader {
  const splitter = createSseSplitter(options.eventBytesMax)
  return {
    push: (bytes) => splitter.push(bytes).map(streamEvent),
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

function streamEvent(text: string): UpstreamEvent {
  if (text === '[DONE]') return { kind: 'done' }
  const value = parseObject(text)
  if (value === null) return { kind: 'failed', fault: nonsense('an event that is no JSON object') }
  const fault = value.error === undefined && value.object !== 'error' ? null : failureIn(value)
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

function tooLarge(): Fault {
  return new Fault('upstream_too_large', {
    message: 'The model’s server gave a larger answer than this gateway allows.',
    started: 'yes',
  })
}
