// A RunPod queue-based endpoint, asked through its OpenAI route. The platform wraps the call into a
// job whose id we never learn. Whether closing the connection stops the job is not documented, so a
// cancellation is only hoped for.
import { z } from 'zod'
import type { Upstream } from '#domain'
import { openExchange } from '../exchange/exchange.ts'
import { createHolds } from '../exchange/release.ts'
import type { KindContext, UpstreamKind } from '../kind.ts'
import { ownDeadlines } from '../own-deadlines.ts'
import { openPool } from '../pool.ts'
import { ownSettings, runpodSettings } from './settings.ts'
import { createWarmth } from './warmth.ts'

const optionsSchema = z.strictObject({
  endpointId: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .optional()
    .describe('the endpoint’s id; RUNPOD_ENDPOINT_ID where it is not given'),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('root of the job API; the configured one where it is not given'),
  // 10 MiB is documented for jobs, not for this route; nobody has measured what this route takes.
  bodyBytesMax: z
    .int()
    .min(1)
    .default(10_485_760)
    .describe('the largest body that is sent; larger ones are refused at once'),
})

const cancellation = 'hoped'

export const runpod: UpstreamKind = {
  ...runpodSettings,
  optionsSchema,
  originsOf(options, settings) {
    const { baseUrl = ownSettings(settings).baseUrl } = optionsSchema.parse(options)
    return [new URL(baseUrl).origin]
  },
  open,
}

function open({ deployment, latest, options, settings, clock }: KindContext): Upstream {
  const given = optionsSchema.parse(deployment.options)
  const configured = ownSettings(settings)
  const endpointId = given.endpointId ?? configured.endpointId ?? ''
  const url = new URL(given.baseUrl ?? configured.baseUrl)
  const root = `${url.pathname.replace(/\/$/, '')}/${endpointId}/openai`
  const pool = openPool(url.origin, options)
  const own = ownDeadlines(latest, options)
  const slots = () => latest().slots
  const warmth = createWarmth({ slots, warmForMs: () => own().warmForMs, clock })
  const holds = createHolds(clock, () => own().orphanHoldMs)
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${configured.apiKey ?? ''}`,
  }
  return {
    transport: 'runpod-openai',
    bodyBytesMax: given.bodyBytesMax,
    cancellation,
    speaks: (surface) => (surface === '' ? null : 'vllm'),
    readiness: warmth.readiness,
    capacity: warmth.capacity,
    onChange: warmth.onChange,
    close() {
      holds.endAll()
      return pool.destroy()
    },
    open(request, context) {
      const attempt = warmth.begin()
      // A place may be held long after its call has ended. What waits for its release keeps this
      // one function and not the context, so that the call and its body can be freed.
      const { onReleased } = context
      return openExchange(
        { dispatcher: pool, path: root + request.path, headers, dialect: 'vllm', cancellation },
        request,
        {
          ...context,
          onReleased(released) {
            attempt.ended()
            onReleased(released)
          },
        },
        { options: own(), clock, holds, onAwake: attempt.awake },
      )
    },
  }
}
