// Why a choice ended. Engines have words of their own for it, and clients know OpenAI's: those who
// read it strictly fail on any other, and those who do not take it for a good end.
import { Fault } from '#domain'
import type { AnswerRule } from './answer-rules.ts'

/** A limit was met, or a tool was asked for; whatever else an engine says, it has stopped. */
const meanings: Readonly<Record<string, string>> = {
  max_tokens: 'length',
  model_length: 'length',
  tool_use: 'tool_calls',
}

/** An engine that gave up calls it a finish reason; a client would take it for an answer. */
const gaveUp: ReadonlySet<string> = new Set([
  'abort',
  'error',
  'cancelled',
  'timeout',
  'insufficient_system_resource',
])

/** Some servers write an empty text until the last chunk: nothing ended there. */
export function isFinished(reason: string): boolean {
  if (gaveUp.has(reason)) throw aborted()
  return reason !== ''
}

/** Of a dialect that knows these. */
export function finishReason(known: readonly string[]): AnswerRule {
  const words: ReadonlySet<unknown> = new Set([null, ...known])
  return {
    member: 'finish_reason',
    does: 'null where missing or empty; a word that is not OpenAI’s becomes the nearest that is',
    applies: ({ finish_reason: reason }) => !words.has(reason),
    change({ finish_reason: reason }) {
      if (typeof reason !== 'string' || reason === '') return 'null'
      const meaning = Object.hasOwn(meanings, reason) ? meanings[reason] : undefined
      return JSON.stringify(words.has(meaning) ? meaning : 'stop')
    },
  }
}

function aborted(): Fault {
  return new Fault('upstream_cut', {
    message: 'The model’s server gave up in the middle of its answer.',
    started: 'yes',
  })
}
