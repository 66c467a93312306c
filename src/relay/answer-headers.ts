// The headers of an answer: what is known when it begins, and for a fault when to try again.
import type { Fault, Rates } from '#domain'
import { RateFault } from '#limits'
import type { Headers } from './client-end.ts'
import type { Story } from './story.ts'

/** SDKs ignore hints above a minute, and hammer on hints of zero. */
const retryAfterMinS = 1
const retryAfterMaxS = 60

/** Below 500, SDKs repeat only these. */
const retriedByClients: ReadonlySet<number> = new Set([408, 409, 429])

export function answerHeaders(story: Story): Headers {
  const { call, attempts } = story
  const headers: Headers = { 'x-request-id': call.id }
  // A name that is no model of ours is only the client's text, which is not sent back.
  if (story.model !== null) headers['x-podgate-model'] = headerText(story.modelId)
  Object.assign(headers, rateHeaders(attempts?.reservation.rates ?? call.rates))
  const attempt = attempts?.latest?.start
  if (attempt !== undefined) {
    const { station, why, isFallback, isColdStart } = attempt
    headers['x-podgate-deployment'] = headerText(station.deployment.id)
    headers['x-podgate-transport'] = station.upstream.transport
    if (isFallback && why !== null) headers['x-podgate-fallback'] = why
    headers['x-podgate-queue-ms'] = String(Math.round(attempts?.queueMs ?? 0))
    headers['x-podgate-cold-start'] = String(isColdStart)
  }
  return headers
}

/** `rates`: what the key has left; null where the answer does not tell it. */
export function faultHeaders(fault: Fault, rates: Rates | null): Headers {
  const headers: Headers = {}
  const latest = fault instanceof RateFault ? fault.rates : rates
  if (latest !== null) Object.assign(headers, rateHeaders(latest))
  const { retry, status } = fault.rule
  if (retry === 'no') headers['x-should-retry'] = 'false'
  if (fault.kind === 'draining') headers.connection = 'close'
  const isRetryable = retry !== 'no' && (retriedByClients.has(status) || status >= 500)
  if (isRetryable) {
    const etaMs = fault.retryAfterMs ?? 1_000
    const clampedMs = Math.min(Math.max(etaMs, retryAfterMinS * 1000), retryAfterMaxS * 1000)
    headers['retry-after'] = String(Math.ceil(clampedMs / 1000))
    headers['retry-after-ms'] = String(clampedMs)
    if (fault.retryAfterMs !== null) headers['x-podgate-eta-ms'] = String(fault.retryAfterMs)
  }
  return headers
}

export function rateHeaders({ requests, tokens }: Rates): Headers {
  const headers: Headers = {
    'x-ratelimit-limit-requests': String(requests.limit),
    'x-ratelimit-remaining-requests': String(requests.remaining),
    'x-ratelimit-reset-requests': goDuration(requests.resetMs),
  }
  if (tokens === null) return headers
  headers['x-ratelimit-limit-tokens'] = String(tokens.limit)
  headers['x-ratelimit-remaining-tokens'] = String(tokens.remaining)
  headers['x-ratelimit-reset-tokens'] = goDuration(tokens.resetMs)
  return headers
}

/** `6m0s`, `1.5s`, `12ms`: how OpenAI writes it, and what clients parse. */
export function goDuration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`
  const minutes = Math.floor(ms / 60_000)
  const seconds = Math.round(ms - minutes * 60_000) / 1000
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`
}

const isPlain = /^[\x20-\x7e]*$/

/** Ids come from the registry and may hold any character, which would break a header. */
function headerText(text: string): string {
  return isPlain.test(text) ? text : text.replaceAll(/[^\x20-\x7e]/g, '?')
}
