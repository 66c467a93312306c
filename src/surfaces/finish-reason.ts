// Why a choice ended. Engines have words of their own for it, and clients know OpenAI's: those who
// read it strictly fail on any other, and those who do not take it for a good end.
import { Fault, type JsonObject } from '#domain'
import { type AnswerRule, eachOf, mend } from './answer-rules.ts'

/**
 * A limit was met, a tool was asked for, something was held back; whatever else an engine says, it
 * has stopped.
 */
const meanings: Readonly<Record<string, string>> = {
  max_tokens: 'length',
  max_output_tokens: 'length',
  model_length: 'length',
  tool_call: 'tool_calls',
  tool_use: 'tool_calls',
  safety: 'content_filter',
  recitation: 'content_filter',
}

/** An engine that gave up calls it a finish reason; a client would take it for an answer. */
const gaveUp = /abort|error|cancel|fail|time_?out|insufficient_system_resource/i

/** What nearly every answer ends with, and needs no second look. */
const goodEnds: ReadonlySet<string> = new Set(['stop', 'length', 'tool_calls'])

/** Some servers write an empty text until the last chunk: nothing ended there. */
export function isFinished(reason: string): boolean {
  if (goodEnds.has(reason)) return true
  if (gaveUp.test(reason)) throw aborted()
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
      const word = reason.toLowerCase()
      if (words.has(word)) return JSON.stringify(word)
      const meaning = Object.hasOwn(meanings, word) ? meanings[word] : undefined
      return JSON.stringify(words.has(meaning) ? meaning : 'stop')
    },
  }
}

/**
 * A chunk's text in which these of its choices do not end: they have ended before, and clients that
 * add up what they are told would count them twice. What they say besides stays.
 */
export function withoutEnds(
  text: string,
  value: JsonObject,
  choices: ReadonlySet<unknown>,
): string {
  const said: AnswerRule = {
    member: 'finish_reason',
    does: 'null where it was said before',
    applies: (choice) => choices.has(choice),
    change: () => 'null',
  }
  return mend(text, value, [eachOf('choices', [said])])
}

function aborted(): Fault {
  return new Fault('upstream_cut', {
    message: 'The model’s server gave up in the middle of its answer.',
    started: 'yes',
  })
}
