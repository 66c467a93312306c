// A call of the chat surface, read from a body as a client would send it.
import type { ApiKey, Call, Rates } from '#src/domain/index.ts'
import { type Surface, surfaces } from '#src/surfaces/index.ts'
import { atOnce } from './pieces.ts'

export const sampleKey: ApiKey = {
  id: 'key_1',
  name: 'a test',
  teamId: 'team-1',
  models: null,
  scopes: ['chat', 'embeddings'],
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrencyMax: null,
  thirdParty: false,
  createdAtMs: 1_700_000_000_000,
  expiresAtMs: null,
}

export const sampleRates: Rates = {
  requests: { limit: 100, remaining: 99, resetMs: 600, retryAfterMs: 0 },
  tokens: null,
}

export const messages = [{ role: 'user', content: 'Hi' }]

export function chatSurface(): Surface {
  const found = surfaces.find(({ name }) => name === 'openai-chat')
  if (found === undefined) throw new Error('there is no chat surface')
  return found
}

/** A body is given as text where its bytes matter, otherwise as the members beside the usual. */
export function chatCall(
  given: string | Record<string, unknown>,
  changes: Partial<Call> = {},
): Call {
  const text =
    typeof given === 'string' ? given : JSON.stringify({ model: 'asked', messages, ...given })
  return {
    ...atOnce(chatSurface().read(Buffer.from(text))),
    id: 'req_1',
    clientRequestId: null,
    surface: 'openai-chat',
    key: sampleKey,
    rates: sampleRates,
    receivedAtMs: 1_700_000_000_000,
    receivedTicksMs: 0,
    deadlineTicksMs: 600_000,
    keepAliveMs: 10_000,
    waitMaxMs: null,
    ...changes,
  }
}
