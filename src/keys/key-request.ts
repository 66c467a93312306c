// What can be set when a key is created or changed, and nothing else. Commands and the admin API
// use the same schemas.
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

const members = {
  name: z
    .string()
    .regex(/^[^\p{Cc}\p{Bidi_Control}]{1,100}$/u, 'allowed: 1 to 100 characters, none to control'),
  teamId: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, 'allowed: 1 to 64 letters, digits and . _ : -')
    .nullable(),
  scopes: z
    .array(z.enum(scopes, { error: `allowed: ${scopes.join(', ')}` }))
    .min(1)
    .max(scopes.length),
  models: z.array(modelName).min(1).max(1000).nullable(),
  requestsPerMinute: countUpTo(1_000_000_000).nullable(),
  tokensPerMinute: countUpTo(1_000_000_000_000).nullable(),
  concurrencyMax: countUpTo(1_000_000).nullable(),
  thirdParty: z.boolean({ error: 'allowed: true or false' }),
  /** How long the key is valid from now on; null: for ever. */
  expires: duration
    .refine((text) => durationMsOf(text) !== 0, { error: 'allowed: a time above zero' })
    .nullable(),
}

export const keyRequestSchema = z.strictObject({
  ...members,
  teamId: members.teamId.default(null),
  scopes: members.scopes.default(['chat', 'embeddings']),
  models: members.models.default(null),
  requestsPerMinute: members.requestsPerMinute.default(null),
  tokensPerMinute: members.tokensPerMinute.default(null),
  concurrencyMax: members.concurrencyMax.default(null),
  thirdParty: members.thirdParty.default(false),
  expires: members.expires.default(null),
})

/** Fields that are absent stay as they are. */
export const keyChangesSchema = z.strictObject(members).partial()

export const rotationSchema = z.strictObject({ overlap: duration.default('24h') })

type KeyRequest = z.infer<typeof keyRequestSchema>
type KeyChangesRequest = z.infer<typeof keyChangesSchema>

/** A key that is asked for and has no id yet. */
export type KeyTerms = Omit<ApiKey, 'id'>

export function termsOf(request: KeyRequest, nowMs: number): KeyTerms {
  const { expires, ...terms } = request
  return {
    ...terms,
    scopes: inOrder(request.scopes),
    createdAtMs: nowMs,
    expiresAtMs: endOf(expires, nowMs),
  }
}

/** The fields of a key that can be changed; undefined: stays as it is. */
export type KeyChanges = {
  [Field in Exclude<keyof KeyTerms, 'createdAtMs' | 'grantsAll'>]?: KeyTerms[Field] | undefined
}

export function changesOf(request: KeyChangesRequest, nowMs: number): KeyChanges {
  const { expires, scopes: asked, ...changes } = request
  return {
    ...changes,
    scopes: asked === undefined ? undefined : inOrder(asked),
    expiresAtMs: expires === undefined ? undefined : endOf(expires, nowMs),
  }
}

function endOf(expires: string | null, nowMs: number): number | null {
  const validMs = expires === null ? null : durationMsOf(expires)
  return validMs === null ? null : nowMs + validMs
}

/** Each once, and always in the same order. */
function inOrder(asked: readonly Scope[]): Scope[] {
  return scopes.filter((scope) => asked.includes(scope))
}
