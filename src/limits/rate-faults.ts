// The faults of a key whose limit per minute is used up. Each carries what is left of all limits,
// because the headers of a refusal tell it, like those of an answer.
import { Fault, type FaultName, type Rates } from '#domain'

/** The refusal of a call whose key has used up a limit per minute. */
export class RateFault extends Fault {
  readonly rates: Rates

  constructor(kind: FaultName, rates: Rates, message: string, retryAfterMs: number | null) {
    super(kind, { message, retryAfterMs })
    this.rates = rates
  }
}

export function tooManyRequests(rates: Rates): RateFault {
  const { limit, retryAfterMs } = rates.requests
  const message =
    `Rate limit reached: ${limit} requests per minute. ` + `Try again in ${retryAfterMs} ms.`
  return new RateFault('rate_requests', rates, message, retryAfterMs)
}

export function tooManyTokens(rates: Rates, retryAfterMs: number, bound: number): RateFault {
  const limit = rates.tokens?.limit ?? 0
  const message =
    `Rate limit reached: ${limit} tokens per minute, of which this call may take ${bound}. ` +
    `Try again in ${retryAfterMs} ms.`
  return new RateFault('rate_tokens', rates, message, retryAfterMs)
}

/** Waiting does not help: the client must ask for fewer tokens, or the limit must be raised. */
export function beyondLimit(rates: Rates, bound: number): RateFault {
  const limit = rates.tokens?.limit ?? 0
  const message =
    `This call may take up to ${bound} tokens, and its key has ${limit} per minute. ` +
    'Shorten the prompt, or ask for fewer tokens.'
  return new RateFault('tokens_beyond_limit', rates, message, null)
}
