// The models that can be asked for: a snapshot of the registry in memory, by id and alias. It
// leaves out models that are switched off.
import { type ApiKey, holdsScope, type Model, scopeOfSurface } from '#domain'
import { openSnapshot, type Registry, type SnapshotOptions } from '#storage'
import { readModels } from './model-records.ts'

export interface Catalogue extends Disposable {
  /** By its id or one of its aliases. */
  find(name: string): Model | null
  list(): readonly Model[]
  /** The models that a key may ask for, once for each name: an alias is listed like a model. */
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

/** A key that names an id may use the model's aliases too; one that names an alias only that. */
export function mayUse({ models }: ApiKey, model: Model, name: string): boolean {
  return models === null || models.includes(model.id) || models.includes(name)
}

function mayAskOf(key: ApiKey, { surfaces }: Model): boolean {
  return surfaces.some((surface) => holdsScope(key, scopeOfSurface(surface)))
}

/** By every name that a model has: its id and its aliases. */
export function byName(models: readonly Model[]): Map<string, Model> {
  return new Map(
    models.flatMap((model) => [model.id, ...model.aliases].map((name) => [name, model] as const)),
  )
}

async function readIndex(registry: Registry) {
  const models = (await readModels(registry.db)).filter(({ isDisabled }) => !isDisabled)
  return { models, byName: byName(models) }
}
