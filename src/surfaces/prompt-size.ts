// Whether a prompt's length can show that it does not fit.
import type { JsonObject } from '#domain'

/** The server cuts such a prompt until it fits. */
export function isTruncated(value: JsonObject): boolean {
  return (value.truncate_prompt_tokens ?? null) !== null
}
