// How much a key may ask. Everything is reserved in one step before a call is accepted, and settled
// once after it ended. The port is asynchronous: a shared store can stand behind it.
import { type Call, type Clock, Fault } from '#domain'
import type { LimitsOptions } from './options.ts'
import { createRequestRate, type RateState } from './request-rate.ts'

export { type LimitsOptions, limitsOptions } from './options.ts'
export type { RateState } from './request-rate.ts'

export interface Reservation {
  rate: RateState
}

/** Too many requests: with what is left of them, which the client is told either way. */
export class RateFault extends Fault {
  readonly rate: RateState

  constructor(rate: RateState) {
    const { limit, retryAfterMs } = rate
    super('rate_requests', {
      message: `Rate limit reached: ${limit} requests per minute. Try again in ${retryAfterMs} ms.`,
      retryAfterMs,
    })
    this.rate = rate
  }
}

export interface Limits {
  /** Takes what the call needs, or throws the fault that says what is used up and until when. */
  reserve(call: Call): Promise<Reservation>
}

/** Far above the keys of any registry: buckets of unknown keys are never made. */
const keysMax = 100_000

export function createLimits(options: LimitsOptions, clock: Clock): Limits {
  const requests = createRequestRate(clock, keysMax)
  return {
    async reserve(call) {
      const perMinute = call.key.requestsPerMinute ?? options.requestsPerMinute
      const { isTaken, ...rate } = requests.take(call.key.id, perMinute)
      if (isTaken) return { rate }
      throw new RateFault(rate)
    },
  }
}
