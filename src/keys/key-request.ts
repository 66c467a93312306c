// What may be said of a key when it is made. Commands and the admin API check with the same schema,
// and what is not listed here cannot be set by anybody.
import { z } from 'zod'
import { type ApiKey, durationMsOf, type Scope, scopes } from '#domain'

const modelName = z
  .string()
  .regex(/^[\w./:@+-]{1,128}$/, 'allowed: a model’s id, 1 to 128 letters, digits and . _ / : @ + -')

const duration = z.string().refine((text) => durationMsOf(text) !== null, {
  error: 'allowed: a number and s, m, h, d or w, such as 30d',
})

function countUpTo(most: number) {
  const error = `allowed: a whole number of at least 1, at most ${most}`
  return z.int({ error }).min(1, { error }).max(most, { error })
}

export const keyRequestSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[^\p{Cc}\p{Bidi_Control}]{1,100}$/u, 'allowed: 1 to 100 characters, none to control'),
  teamId: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, 'allowed: 1 to 64 letters, digits and . _ : -')
    .nullable()
    .default(null),
  scopes: z
    .array(z.enum(scopes, { error: `allowed: ${scopes.join(', ')}` }))
    .min(1)
    .max(scopes.length)
    .default(['chat', 'embeddings']),
  models: z.array(modelName).min(1).max(1000).nullable().default(null),
  requestsPerMinute: countUpTo(1_000_000_000).nullable().default(null),
  tokensPerMinute: countUpTo(1_000_000_000_000).nullable().default(null),
  concurrencyMax: countUpTo(1_000_000).nullable().default(null),
  /** How long it is valid; null: for ever. */
  expires: duration
    .refine((text) => durationMsOf(text) !== 0, { error: 'allowed: a time above zero' })
    .nullable()
    .default(null),
})

export const rotationSchema = z.strictObject({ overlap: duration.default('24h') })

type KeyRequest = z.infer<typeof keyRequestSchema>

/** What is asked for, before there is an id. */
export type KeyTerms = Omit<ApiKey, 'id'>

export function termsOf(request: KeyRequest, nowMs: number): KeyTerms {
  const { expires, ...terms } = request
  const validMs = expires === null ? null : durationMsOf(expires)
  return {
    ...terms,
    scopes: inOrder(request.scopes),
    createdAtMs: nowMs,
    expiresAtMs: validMs === null ? null : nowMs + validMs,
  }
}

/** Each once, and always in the same order. */
function inOrder(asked: readonly Scope[]): Scope[] {
  return scopes.filter((scope) => asked.includes(scope))
}
