// What tells the dialects apart whose answers are made of choices: chat and completions.
import type { JsonObject } from '#domain'
import type { AnswerRule } from './answer-rules.ts'

export interface ChoicesDialect {
  /** Completes the client's message "an answer that is not …". */
  what: string
  /** The member that holds what the model reads. */
  promptField: string
  chunkObject: string
  wholeObject: string
  idPrefix: string
  /** Chunks before the last say `usage: null` to those who asked for it. */
  showsNullUsage: boolean
  /** Whether a chunk's choice has its text where the dialect puts it, or has none. */
  isPart(choice: JsonObject): boolean
  /** Whether a chunk's choice holds anything that was generated: at least one token. */
  saysSomething(part: JsonObject): boolean
  /** Whether a whole answer's choice has its text where the dialect puts it. */
  isChoice(choice: JsonObject): boolean
  chunk: readonly AnswerRule[]
  whole: readonly AnswerRule[]
}
