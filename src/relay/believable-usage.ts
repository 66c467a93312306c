// Lowers an upstream's token counts to the most that the call can have taken. A client is charged
// for no more than that bound: one wrong count of an upstream must not use up a budget.
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
