// OpenAI's `usage` object, as every OpenAI-shaped server writes it.
import type { Usage, UsageSource } from '#domain'
import { isJsonObject } from '../json.ts'

/** No call has more tokens: a nonsense count must not use up a whole budget. */
const tokensMax = 1_000_000_000

/** null: it is no usage. Zero is a number of tokens, an absent member is not. */
export function readUsage(value: unknown, source: UsageSource): Usage | null {
  if (!isJsonObject(value)) return null
  const promptTokens = count(value.prompt_tokens)
  if (promptTokens === null) return null
  const details = value.prompt_tokens_details
  const cachedTokens = isJsonObject(details) ? count(details.cached_tokens) : null
  return {
    promptTokens,
    // Embeddings have none.
    completionTokens: count(value.completion_tokens) ?? 0,
    cachedTokens: Math.min(cachedTokens ?? 0, promptTokens),
    source,
  }
}

/** Whether `readUsage` can read it. */
export function isUsage(value: unknown): boolean {
  return isJsonObject(value) && count(value.prompt_tokens) !== null
}

export function writeUsage(usage: Usage): string {
  return JSON.stringify({
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
  })
}

function count(value: unknown): number | null {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return null
  return value >= 0 && value <= tokensMax ? value : null
}
