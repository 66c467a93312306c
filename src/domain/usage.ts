// How many tokens a call took, and how we know it.

/** Who counted the tokens. */
export type UsageSource =
  /** The upstream said so at the end of a complete answer. */
  | 'reported'
  /** The upstream's running count at the last event that was delivered. */
  | 'running'
  /** Nobody said: at least as many as the events that we counted. */
  | 'counted'
  /** The upstream said more than the call allowed: this is what the call allowed. */
  | 'capped'

export interface Usage {
  promptTokens: number
  completionTokens: number
  cachedTokens: number
  source: UsageSource
}

export const noUsage: Usage = Object.freeze({
  promptTokens: 0,
  completionTokens: 0,
  cachedTokens: 0,
  source: 'counted',
})
