// Why a choice ended. Engines have words of their own for it, and clients know only OpenAI's: a
// strict client fails on any other word, and the rest take it for a good end.
import { Fault, type JsonObject } from '#domain'
import { type AnswerRule, eachOf, mend } from './answer-rules.ts'

/** A limit was met, a tool was called, a text was held back. Any other word means `stop`. */
const meanings: Readonly<Record<string, string>> = {
  max_tokens: 'length',
  max_output_tokens: 'length',
  model_length: 'length',
  tool_call: 'tool_calls',
  tool_use: 'tool_calls',
  safety: 'content_filter',
  recitation: 'content_filter',
}

/** Some engines give up and say so in a finish reason: clients would take that for an answer. */
const gaveUp = /abort|error|cancel|fail|time_?out|insufficient_system_resource/i

/** Nearly every answer ends with one of these, which saves the search for `gaveUp`. */
const goodEnds: ReadonlySet<string> = new Set(['stop', 'length', 'tool_calls'])

/** Some servers write an empty reason until the last chunk: that is no end. */
export function isFinished(reason: string): boolean {
  if (goodEnds.has(reason)) return true
  if (gaveUp.test(reason)) throw aborted()
  return reason !== ''
}

/** For a dialect that has these finish reasons. */
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
 * A chunk's text without the ends of these choices. They have ended before, and a client that
 * counts ends would count them twice. The rest of each choice stays.
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
