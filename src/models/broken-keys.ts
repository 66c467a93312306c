// Finds keys that a change of models would break. Such a key names a model that would be gone, or
// would lose a route that the key may use, or its last deployment that may answer the key. A key
// that names an id may use the model's aliases too, so it also breaks when an alias goes. A key
// that may use all models names none, and never breaks.
import { type ApiKey, Fault, holdsScope, type Model, policyOf, scopeOfSurface } from '#domain'
import { byName, mayUse } from './catalogue.ts'

export interface BrokenKey {
  keyId: string
  keyName: string
  /** The name that its calls use. */
  model: string
  /** The routes that it would lose. */
  surfaces: readonly string[]
}

export function brokenKeys(
  keys: readonly ApiKey[],
  before: readonly Model[],
  after: readonly Model[],
): BrokenKey[] {
  const [was, becomes] = [byName(before), byName(after)]
  return keys.flatMap((key) =>
    [...namesOpenTo(key, was)].flatMap(([name, model]) => {
      const left = surfacesLeft(key, name, model, becomes.get(name))
      const surfaces = model.surfaces.filter(
        (surface) => !left.includes(surface) && holdsScope(key, scopeOfSurface(surface)),
      )
      if (surfaces.length === 0) return []
      return [{ keyId: key.id, keyName: key.name, model: name, surfaces }]
    }),
  )
}

/** The names in the key's own list and, with an id, the model's aliases. */
function namesOpenTo({ models }: ApiKey, was: ReadonlyMap<string, Model>): Map<string, Model> {
  const open = new Map<string, Model>()
  for (const said of models ?? []) {
    const model = was.get(said)
    if (model === undefined) continue
    const names = model.id === said ? [said, ...model.aliases] : [said]
    for (const name of names) open.set(name, model)
  }
  return open
}

function surfacesLeft(key: ApiKey, name: string, was: Model, becomes: Model | undefined) {
  if (becomes === undefined || !mayUse(key, becomes, name)) return []
  // A model that nobody served for this key before loses nothing.
  return isServed(key, was) && !isServed(key, becomes) ? [] : becomes.surfaces
}

/** A third party serves only where model and key allow it. */
function isServed({ thirdParty }: ApiKey, model: Model): boolean {
  const mayGoOut = thirdParty && policyOf(model).allowThirdParty
  return model.deployments.some((one) => !one.isDisabled && (mayGoOut || !one.isThirdParty))
}

export function breaksKeys(broken: readonly BrokenKey[]): Fault {
  const losses = broken.map(
    ({ keyId, keyName, model, surfaces }) =>
      `${keyId} (${keyName}) would lose ${model} on ${surfaces.join(', ')}`,
  )
  const message = `Nothing was changed: keys in use name what would go: ${losses.join('; ')}.`
  return new Fault('breaks_keys', { message, param: 'force' })
}
