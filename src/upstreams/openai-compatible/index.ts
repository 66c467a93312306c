// A server that speaks OpenAI's API itself, such as a `vllm serve` of one's own. It is reached
// directly, so closing the connection provably ends the work, and it never has to be woken: all its
// places are there at once.
import { z } from 'zod'
import type { Upstream } from '#domain'
import { openExchange } from '../exchange/exchange.ts'
import { createHolds } from '../exchange/release.ts'
import type { KindContext, UpstreamKind } from '../kind.ts'
import { ownDeadlines } from '../own-deadlines.ts'
import { openPool } from '../pool.ts'

const optionsSchema = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .describe('root of the API, with or without the /v1 at its end'),
  apiKeyEnv: z
    .string()
    .regex(/^EXTERNAL_[A-Z0-9_]+_KEY$/)
    .optional()
    .describe('environment variable that holds its key'),
  bodyBytesMax: z
    .int()
    .min(1)
    .optional()
    .describe('the largest body that it takes; as large as this gateway takes where not given'),
  dialect: z.enum(['vllm', 'openai']).default('vllm').describe('what the server understands'),
})

export const openaiCompatible: UpstreamKind = {
  optionsSchema,
  secrets: [/^EXTERNAL_.+_KEY$/],
  secretsOf: ({ apiKeyEnv }) => (typeof apiKeyEnv === 'string' ? [apiKeyEnv] : []),
  originsOf: (options) => [new URL(optionsSchema.parse(options).baseUrl).origin],
  open,
}

function open({ deployment, latest, options, settings, clock }: KindContext): Upstream {
  const given = optionsSchema.parse(deployment.options)
  const { baseUrl, apiKeyEnv, dialect, bodyBytesMax = Number.POSITIVE_INFINITY } = given
  const url = new URL(baseUrl)
  // The paths of requests begin with /v1 themselves.
  const root = url.pathname.replace(/(?:\/v1)?\/*$/, '')
  const pool = openPool(url.origin, options)
  const own = ownDeadlines(latest, options)
  const slots = () => latest().slots
  const holds = createHolds(clock, () => own().orphanHoldMs)
  const key = apiKeyEnv === undefined ? null : settings.secret(apiKeyEnv)
  const whole: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
  }
  const streamed = { ...whole, accept: 'text/event-stream' }
  const onAwake = () => {}
  return {
    transport: 'openai-compatible',
    bodyBytesMax,
    cancellation: 'proven',
    speaks: (surface) => (slots() > 0 && surface !== '' ? dialect : null),
    readiness: () => ({ state: 'unknown' }),
    capacity: slots,
    onChange: () => ({ [Symbol.dispose]: () => {} }),
    close: () => pool.destroy(),
    open: (request, context) =>
      openExchange(
        {
          dispatcher: pool,
          path: root + request.path,
          headers: { ...(request.stream ? streamed : whole), 'x-request-id': request.requestId },
          dialect,
          cancellation: 'proven',
        },
        request,
        context,
        { options: own(), clock, holds, onAwake },
      ),
  }
}
