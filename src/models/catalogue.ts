// What can be asked for, from memory: a snapshot of the registry's models, by each of their names.
// A model that is switched off is not there.
import { type ApiKey, holdsScope, type Model, scopeOfSurface } from '#domain'
import { openSnapshot, type Registry, type SnapshotOptions } from '#storage'
import { readModels } from './model-records.ts'

export interface Catalogue extends Disposable {
  /** By its id or one of its aliases. */
  find(name: string): Model | null
  list(): readonly Model[]
  /** What a key may ask for, each name on its own: an alias is listed like a model. */
  visibleTo(key: ApiKey): readonly Model[]
  refresh(): Promise<void>
  onChange(listener: () => void): Disposable
}

export async function openCatalogue(
  registry: Registry,
  options: SnapshotOptions,
): Promise<Catalogue> {
  const snapshot = await openSnapshot(registry, options, readIndex)
  return {
    find: (name) => snapshot.value().byName.get(name) ?? null,
    list: () => snapshot.value().models,
    visibleTo: (key) =>
      [...snapshot.value().byName].flatMap(([name, model]) =>
        mayUse(key, model, name) && mayAskOf(key, model) ? [{ ...model, id: name }] : [],
      ),
    refresh: snapshot.refresh,
    onChange: snapshot.onChange,
    [Symbol.dispose]: () => snapshot[Symbol.dispose](),
  }
}

/** A key names a model by its id, which opens its aliases too, or names an alias alone. */
export function mayUse({ models }: ApiKey, model: Model, name: string): boolean {
  return models === null || models.includes(model.id) || models.includes(name)
}

function mayAskOf(key: ApiKey, { surfaces }: Model): boolean {
  return surfaces.some((surface) => holdsScope(key, scopeOfSurface(surface)))
}

async function readIndex(registry: Registry) {
  const models = (await readModels(registry.db)).filter(({ isDisabled }) => !isDisabled)
  const named = models.flatMap((model) =>
    [model.id, ...model.aliases].map((name) => [name, model] as const),
  )
  return { models, byName: new Map(named) }
}
