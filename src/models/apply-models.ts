// Declarative: after `apply` the registry holds what the file says, and nothing else. What that
// changes is told field by field, before it happens (dry run) or after, and happens in one piece.
import { type Model, usdFromNanoUsd } from '#domain'
import type { Registry } from '#storage'
import { insertModel, moveModel, readModels, removeModel } from './model-records.ts'
import type { ModelsFile } from './models-file.ts'
import type { ModelEntry } from './models-schema.ts'

export interface FieldChange {
  field: string
  /** null: was not there. */
  from: string | null
  to: string | null
}

export interface ModelsDiff {
  added: readonly string[]
  changed: readonly { id: string; changes: readonly FieldChange[] }[]
  removed: readonly string[]
}

export interface ApplyOptions {
  dryRun: boolean
  nowMs: number
}

export async function applyModels(
  registry: Registry,
  file: ModelsFile,
  options: ApplyOptions,
): Promise<ModelsDiff> {
  if (options.dryRun) return diffOf(await readModels(registry.db), file.models)
  return registry.transaction(async (db) => {
    const before = await readModels(db)
    const diff = diffOf(before, file.models)
    const changed = diff.changed.map((change) => change.id)
    // What goes away goes first: a deployment may move from one model to another.
    for (const id of [...diff.removed, ...changed]) await removeModel(db, id)
    const touched = new Set([...diff.added, ...changed])
    for (const [position, entry] of file.models.entries()) {
      const known = before.find((model) => model.id === entry.id)
      const createdAtMs = known?.createdAtMs ?? options.nowMs
      if (touched.has(entry.id)) await insertModel(db, { ...entry, createdAtMs }, position)
      else if (before[position]?.id !== entry.id) await moveModel(db, entry.id, position)
    }
    return diff
  })
}

function diffOf(before: readonly Model[], after: readonly ModelEntry[]): ModelsDiff {
  const afterIds = new Set(after.map((entry) => entry.id))
  const added: string[] = []
  const changed: { id: string; changes: FieldChange[] }[] = []
  for (const entry of after) {
    const known = before.find((model) => model.id === entry.id)
    if (known === undefined) {
      added.push(entry.id)
      continue
    }
    const changes = changesBetween(fieldsOf(known), fieldsOf(entry))
    if (changes.length > 0) changed.push({ id: entry.id, changes })
  }
  const removed = before.map((model) => model.id).filter((id) => !afterIds.has(id))
  return { added, changed, removed }
}

function changesBetween(from: Map<string, string>, to: Map<string, string>): FieldChange[] {
  const fields = [...new Set([...from.keys(), ...to.keys()])]
  return fields
    .map((field) => ({ field, from: from.get(field) ?? null, to: to.get(field) ?? null }))
    .filter((change) => change.from !== change.to)
}

/** A model as the fields of its file, in the file's units. */
function fieldsOf(model: ModelEntry): Map<string, string> {
  const fields = new Map([
    ['ownedBy', model.ownedBy],
    ['surfaces', model.surfaces.join(', ')],
    ['contextTokens', String(model.contextTokens)],
    ['prices.prompt', perMillion(model.prices.promptNanoUsd)],
    ['prices.completion', perMillion(model.prices.completionNanoUsd)],
    ['prices.cached', perMillion(model.prices.cachedNanoUsd)],
    ['deployments', model.deployments.map((deployment) => deployment.id).join(', ')],
  ])
  for (const { id, kind, servedName, slots, gpu, options } of model.deployments) {
    const prefix = `deployments.${id}`
    fields.set(`${prefix}.kind`, kind)
    fields.set(`${prefix}.servedName`, servedName)
    fields.set(`${prefix}.slots`, String(slots))
    if (gpu !== null) {
      const price = usdFromNanoUsd(gpu.nanoUsdPerSecond)
      fields.set(`${prefix}.gpu`, `${gpu.count} × ${gpu.type} at $${price}/s`)
    }
    for (const [option, value] of Object.entries(options)) {
      fields.set(`${prefix}.options.${option}`, JSON.stringify(value))
    }
  }
  return fields
}

function perMillion(nanoUsd: number): string {
  return `$${nanoUsd / 1000} per million`
}
