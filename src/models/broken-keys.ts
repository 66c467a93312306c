// Keys that a change would break: a name that they may ask for would no longer be there, or lose a
// route that they may use, or its last deployment that is on and may answer them. An id opens the
// model's aliases too, so an alias that goes is a loss for a key that names the id. Keys that may
// use everything name nothing, and go by what there is.
import { type ApiKey, Fault, holdsScope, type Model, policyOf, scopeOfSurface } from '#domain'
import { mayUse } from './catalogue.ts'

export interface BrokenKey {
  keyId: string
  keyName: string
  /** As its calls name it. */
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

/** The names that it says itself, and with an id the model's aliases. */
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
  // What nobody served before loses nothing by it.
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

function byName(models: readonly Model[]): Map<string, Model> {
  return new Map(
    models.flatMap((model) => [model.id, ...model.aliases].map((name) => [name, model] as const)),
  )
}
