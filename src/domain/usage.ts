// How many tokens a call took, and how we know.

/** Who counted the tokens. */
export type UsageSource =
  /** The upstream said so at the end of a complete answer. */
  | 'reported'
  /** The upstream's running count at the last event that was delivered. */
  | 'running'
  /** Nobody said: bounded from below by the events that were counted. */
  | 'counted'
  /** The upstream said more than the call allowed for: this is what it allowed for. */
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
