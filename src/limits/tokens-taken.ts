// What an ended call took of its key's tokens.
import { type Call, type CallRecord, likelyTokens } from '#domain'

/** The part of a record that says how many tokens the call took. */
export type Settled = Pick<CallRecord, 'usage' | 'outcome' | 'attempts'>

export function tokensTaken(call: Call, { usage, outcome, attempts }: Settled): number {
  const told = usage.promptTokens + usage.completionTokens
  const left = outcome === 'client_gone' || outcome === 'slow_client'
  // The model may read the prompt before it hears that the client hung up. If that were free, a key
  // could have any number of prompts read within its limit.
  if (!left || attempts === 0 || usage.promptTokens > 0) return told
  return told + likelyPrompt(call)
}

/** Nobody knows how many tokens media are before the model has read them. */
function likelyPrompt({ promptTokens, promptSize }: Call): number {
  return promptTokens ?? (promptSize === null ? 0 : likelyTokens(promptSize))
}
