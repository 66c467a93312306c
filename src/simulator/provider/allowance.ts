// What is left of the provider's limits of rate, as its `x-ratelimit-*` headers tell with every
// answer. They are told and never enforced: a rule with `status=429` refuses where a test wants it.
import type { Clock } from '#domain'

/** Takes a call with about so many tokens, and tells what is left in this minute. */
export type Spend = (tokens: number) => { readonly [header: string]: string }

const windowMs = 60_000
const requestsMax = 10_000
const tokensMax = 2_000_000

export function openAllowance(clock: Clock): Spend {
  let startMs = clock.ticksMs()
  let requests = 0
  let tokens = 0
  return (asked) => {
    const nowMs = clock.ticksMs()
    if (nowMs - startMs >= windowMs) {
      startMs = nowMs
      requests = 0
      tokens = 0
    }
    requests += 1
    tokens += asked
    const reset = `${Math.ceil((startMs + windowMs - nowMs) / 1000)}s`
    return {
      'x-ratelimit-limit-requests': String(requestsMax),
      'x-ratelimit-limit-tokens': String(tokensMax),
      'x-ratelimit-remaining-requests': String(Math.max(0, requestsMax - requests)),
      'x-ratelimit-remaining-tokens': String(Math.max(0, tokensMax - tokens)),
      'x-ratelimit-reset-requests': reset,
      'x-ratelimit-reset-tokens': reset,
    }
  }
}
