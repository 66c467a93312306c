// Keys that a change would break: they name a model that would no longer be there, or lose a route
// of it that they may use. Keys that may use everything name nothing, and go by what there is.
import { type ApiKey, Fault, holdsScope, scopeOfSurface } from '#domain'

export interface BrokenKey {
  keyId: string
  keyName: string
  /** As the key names it. */
  model: string
  /** The routes that it would lose. */
  surfaces: readonly string[]
}

interface Named {
  id: string
  aliases: readonly string[]
  surfaces: readonly string[]
}

export function brokenKeys(
  keys: readonly ApiKey[],
  before: readonly Named[],
  after: readonly Named[],
): BrokenKey[] {
  const surfacesBefore = surfacesByName(before)
  const surfacesAfter = surfacesByName(after)
  return keys.flatMap((key) =>
    (key.models ?? []).flatMap((model) => {
      const left = surfacesAfter.get(model) ?? []
      const surfaces = (surfacesBefore.get(model) ?? []).filter(
        (surface) => !left.includes(surface) && holdsScope(key, scopeOfSurface(surface)),
      )
      return surfaces.length === 0 ? [] : [{ keyId: key.id, keyName: key.name, model, surfaces }]
    }),
  )
}

export function breaksKeys(broken: readonly BrokenKey[]): Fault {
  const losses = broken.map(
    ({ keyId, keyName, model, surfaces }) =>
      `${keyId} (${keyName}) would lose ${model} on ${surfaces.join(', ')}`,
  )
  const message = `Nothing was changed: keys in use name what would go: ${losses.join('; ')}.`
  return new Fault('breaks_keys', { message, param: 'force' })
}

function surfacesByName(models: readonly Named[]): Map<string, readonly string[]> {
  return new Map(
    models.flatMap(({ id, aliases, surfaces }) =>
      [id, ...aliases].map((name) => [name, surfaces] as const),
    ),
  )
}
