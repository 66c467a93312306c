// What tells the dialects apart whose answers are made of choices: chat and completions.
import type { JsonObject } from '#domain'
import type { AnswerRule } from './answer-rules.ts'

export interface ChoicesDialect {
  /** For the client: "an answer that is not …". */
  what: string
  /** The member that holds what the model reads. */
  promptField: string
  chunkObject: string
  wholeObject: string
  idPrefix: string
  /** Chunks before the last say `usage: null` to those who asked for it. */
  showsNullUsage: boolean
  /** Whether a choice of a chunk, or of a whole answer, says something in its own place. */
  isPart(choice: JsonObject): boolean
  /** Whether a part holds anything that was generated: at least one token. */
  saysSomething(part: JsonObject): boolean
  isChoice(choice: JsonObject): boolean
  chunk: readonly AnswerRule[]
  whole: readonly AnswerRule[]
}
