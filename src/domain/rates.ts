// What is left of a key's limits per minute, as its clients are told.

/** One limit per minute, and what is left of it. */
export interface RateState {
  limit: number
  remaining: number
  /** Until the bucket is full again. */
  resetMs: number
  /** Until what was asked for passes; 0 when it would pass now. */
  retryAfterMs: number
}

export interface Rates {
  requests: RateState
  /** null: the key may use as many as it likes. */
  tokens: RateState | null
}
