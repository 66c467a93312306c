// The count of tokens, in the three forms in which vLLM writes it.
import type { Plan } from './plan.ts'

/** Tokens generated so far, over all choices, when each has made `steps` steps. */
export function tokensAfter(plans: readonly Plan[], steps: number): number {
  return plans.reduce((sum, plan) => sum + Math.min(plan.pieces.length, steps), 0)
}

export function wholeUsage(prompt: number, completion: number, promptDetails = false) {
  return {
    prompt_tokens: prompt,
    total_tokens: prompt + completion,
    completion_tokens: completion,
    prompt_tokens_details: promptDetails ? { ...cached, multimodal_tokens: null } : null,
    completion_tokens_details: null,
  }
}

/** Nothing is ever in the cache of a simulated engine. */
const cached = { cached_tokens: 0, created_cache_tokens: 0 }

export function runningUsage(prompt: number, completion: number): string {
  return `{${counts(prompt, completion)},"completion_tokens_details":null}`
}

export function finalUsage(prompt: number, completion: number, promptDetails: boolean): string {
  const details = promptDetails ? `,"prompt_tokens_details":${JSON.stringify(cached)}` : ''
  return `{${counts(prompt, completion)}${details}}`
}

function counts(prompt: number, completion: number): string {
  const total = prompt + completion
  return `"prompt_tokens":${prompt},"total_tokens":${total},"completion_tokens":${completion}`
}
