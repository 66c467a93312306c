// What an ended call took of its key's tokens.
import { type Call, type CallRecord, likelyTokens } from '#domain'

/** What of an ended call's record says how many tokens it took. */
export type Settled = Pick<CallRecord, 'usage' | 'outcome' | 'attempts'>

export function tokensTaken(call: Call, { usage, outcome, attempts }: Settled): number {
  const told = usage.promptTokens + usage.completionTokens
  const left = outcome === 'client_gone' || outcome === 'slow_client'
  // The model reads the prompt of a client that hangs up before it hears of it: were that free,
  // a key could have any number of prompts read within its limit.
  if (!left || attempts === 0 || usage.promptTokens > 0) return told
  return told + likelyPrompt(call)
}

/** Of media nobody knows how much it is before it was read. */
function likelyPrompt({ promptTokens, promptSize }: Call): number {
  return promptTokens ?? (promptSize === null ? 0 : likelyTokens(promptSize))
}
