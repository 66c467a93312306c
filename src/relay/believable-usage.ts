// What an upstream says that a call took, as far as it can be true. A call has a bound on what it
// reads and writes (its own, or the model's context), and is charged for no more, whatever is said:
// one count that is wrong must not use up a budget.
import type { Call, Model, Usage } from '#domain'

export function believableUsage(usage: Usage, call: Call, model: Model | null): Usage {
  if (model === null) return usage
  const { contextTokens } = model
  const promptMax = contextTokens * call.prompts
  const completionMax = Math.min(call.maxTokens ?? contextTokens, contextTokens) * call.choices
  if (usage.promptTokens <= promptMax && usage.completionTokens <= completionMax) return usage
  const promptTokens = Math.min(usage.promptTokens, promptMax)
  return {
    promptTokens,
    completionTokens: Math.min(usage.completionTokens, completionMax),
    cachedTokens: Math.min(usage.cachedTokens, promptTokens),
    source: 'capped',
  }
}
