// A key may grant only what it holds: it cannot create a key, or get the secret of a key, that may
// do more or lives longer than itself. Who has a shell, or sets the environment, holds everything.
import { type Actor, type ApiKey, Fault, holdsScope } from '#domain'

type Rights = Omit<ApiKey, 'id' | 'name' | 'teamId' | 'createdAtMs' | 'grantsAll'>

/** The limits of a key that has none of its own; null: no limit. */
export type UsualLimits = Pick<ApiKey, 'requestsPerMinute' | 'tokensPerMinute' | 'concurrencyMax'>

/** Compares every right, or only those in `fields`. */
export function refuseWider(
  actor: Actor,
  asked: Rights,
  usual: UsualLimits,
  fields?: readonly (keyof ApiKey)[],
): void {
  if (typeof actor === 'string' || actor.grantsAll) return
  for (const { field, isWider } of comparisons) {
    if (fields?.includes(field) === false) continue
    if (!isWider(actor, asked, usual)) continue
    const message = `Your key may not grant this: its own ${field} does not allow it.`
    throw new Fault('not_granted', { message, param: field })
  }
}

interface Comparison {
  field: keyof Rights
  isWider(own: ApiKey, asked: Rights, usual: UsualLimits): boolean
}

const comparisons: readonly Comparison[] = [
  {
    field: 'scopes',
    isWider: (own, { scopes }) => scopes.some((scope) => !holdsScope(own, scope)),
  },
  {
    field: 'models',
    isWider: ({ models: own }, { models }) =>
      own !== null && (models === null || models.some((model) => !own.includes(model))),
  },
  limit('requestsPerMinute'),
  limit('tokensPerMinute'),
  limit('concurrencyMax'),
  {
    field: 'thirdParty',
    isWider: ({ thirdParty: own }, { thirdParty }) => thirdParty && !own,
  },
  {
    field: 'expiresAtMs',
    isWider: (own, asked) => (asked.expiresAtMs ?? forEver) > (own.expiresAtMs ?? forEver),
  },
]

const forEver = Number.POSITIVE_INFINITY

/**
 * null stands for the usual limit. A number that is asked for is compared with the actor's own
 * limit or the usual one. Only an actor with null may grant null, because the usual limit may be
 * raised.
 */
function limit(field: keyof UsualLimits): Comparison {
  return {
    field,
    isWider(own, asked, usual) {
      const most = own[field] ?? usual[field] ?? Number.POSITIVE_INFINITY
      const wanted = asked[field]
      return wanted === null ? own[field] !== null : wanted > most
    },
  }
}
