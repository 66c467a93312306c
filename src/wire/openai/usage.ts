// OpenAI's `usage` object, as every OpenAI-shaped server writes it.
import type { Usage, UsageSource } from '#domain'
import { isJsonObject } from '../json.ts'

/** No call has more: a nonsense count must not become a bill that no budget survives. */
const tokensMax = 1_000_000_000

/** Null when it is no usage: zero is a number of tokens, absent is not. */
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

/** Whether it is one that can be read. */
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
