// What can be asked for, from memory: a snapshot of the registry's models.
import type { Model } from '#domain'
import { openSnapshot, type Registry, type SnapshotOptions } from '#storage'
import { readModels } from './model-records.ts'

export interface Catalogue extends Disposable {
  find(id: string): Model | null
  list(): readonly Model[]
  refresh(): Promise<void>
  onChange(listener: () => void): Disposable
}

export async function openCatalogue(
  registry: Registry,
  options: SnapshotOptions,
): Promise<Catalogue> {
  const snapshot = await openSnapshot(registry, options, readIndex)
  return {
    find: (id) => snapshot.value().byId.get(id) ?? null,
    list: () => snapshot.value().models,
    refresh: snapshot.refresh,
    onChange: snapshot.onChange,
    [Symbol.dispose]: () => snapshot[Symbol.dispose](),
  }
}

async function readIndex(registry: Registry) {
  const models = await readModels(registry.db)
  return { models, byId: new Map(models.map((model) => [model.id, model])) }
}
