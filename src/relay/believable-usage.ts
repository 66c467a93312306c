// What an upstream says that a call took, as far as it can be true. A call has a bound on what it
// reads and writes, and is charged for no more, whatever is said: one count that is wrong must not
// use up a budget.
import { type Call, type Model, tokenBound, type Usage } from '#domain'

export function believableUsage(usage: Usage, call: Call, model: Model | null): Usage {
  if (model === null) return usage
  const { prompt, completion } = tokenBound(call, model)
  if (usage.promptTokens <= prompt && usage.completionTokens <= completion) return usage
  const promptTokens = Math.min(usage.promptTokens, prompt)
  return {
    promptTokens,
    completionTokens: Math.min(usage.completionTokens, completion),
    cachedTokens: Math.min(usage.cachedTokens, promptTokens),
    source: 'capped',
  }
}
