// How much a model has to read for a call, as far as that can be told without its tokeniser.
import type { JsonObject } from '#domain'

/** Of the longest prompt, where a call has several. */
export interface PromptSize {
  /** The member that holds it. */
  param: string
  /** UTF-8 bytes of the texts, which the model reads whatever its template makes of them. */
  textBytes: number
  /** Bytes of the tools and of the calls of tools, which some templates leave out. */
  toolBytes: number
  /** How many tokens it is, where it was sent as tokens. */
  tokens: number
}

/** The server cuts such a prompt until it fits. */
export function isTruncated(value: JsonObject): boolean {
  return (value.truncate_prompt_tokens ?? null) !== null
}
