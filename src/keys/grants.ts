// One may grant only what one holds: a key cannot make, or be given the secret of, a key that may
// do more, or for longer, than it may itself. Whoever has a shell holds everything.
import { type Actor, type ApiKey, Fault, holdsScope } from '#domain'

type Rights = Omit<ApiKey, 'id' | 'name' | 'teamId' | 'createdAtMs'>

export function refuseWider(actor: Actor, asked: Rights): void {
  if (typeof actor === 'string') return
  for (const { field, isWider } of comparisons) {
    if (!isWider(actor, asked)) continue
    const message = `Your key may not grant this: its own ${field} does not allow it.`
    throw new Fault('not_granted', { message, param: field })
  }
}

interface Comparison {
  field: keyof Rights
  isWider(own: ApiKey, asked: Rights): boolean
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
  atMost('requestsPerMinute'),
  atMost('concurrencyMax'),
  atMost('expiresAtMs'),
]

/** Where null means more than any number. */
function atMost(field: 'requestsPerMinute' | 'concurrencyMax' | 'expiresAtMs'): Comparison {
  const unlimited = Number.POSITIVE_INFINITY
  return {
    field,
    isWider: (own, asked) => (asked[field] ?? unlimited) > (own[field] ?? unlimited),
  }
}
