// Declarative: after `apply` the registry holds what the file says, and nothing else. What that
// changes is told field by field, before it happens (dry run) or after, and happens in one piece.
// What keys in use depend on goes only when it is forced.
import type { Actor, ApiKey, Model } from '#domain'
import { noteDeed, type Registry } from '#storage'
import { type BrokenKey, breaksKeys, brokenKeys } from './broken-keys.ts'
import { type Db, insertModel, moveModel, readModels, removeModel } from './model-records.ts'
import { diffOf, type ModelsDiff } from './models-diff.ts'
import type { ModelsFile } from './models-file.ts'
import type { ModelEntry } from './models-schema.ts'
import { refuseForeignModels } from './switch-models.ts'

export interface ApplyOptions {
  dryRun: boolean
  /** Also when it breaks keys in use. */
  force: boolean
  nowMs: number
  actor: Actor
  /** Keys that open something now, read in the transaction of the change. */
  runningKeys(db: Db): Promise<readonly ApiKey[]>
}

export interface Applied extends ModelsDiff {
  /** Keys that lose something by it. */
  breaks: readonly BrokenKey[]
}

export function applyModels(
  registry: Registry,
  file: ModelsFile,
  options: ApplyOptions,
): Promise<Applied> {
  return registry.transaction(async (db) => {
    const before = await readModels(db)
    const diff = diffOf(before, file.models)
    const keys = await options.runningKeys(db)
    const breaks = brokenKeys(keys, before, file.models)
    refuseForeignModels(options.actor, touchedBy(diff))
    if (!options.dryRun) {
      if (breaks.length > 0 && !options.force) throw breaksKeys(breaks)
      await write(db, file.models, before, diff, options.nowMs)
      if (touchedBy(diff).length > 0) await note(db, { ...diff, breaks }, options)
    }
    return { ...diff, breaks }
  })
}

async function write(
  db: Db,
  entries: readonly ModelEntry[],
  before: readonly Model[],
  diff: ModelsDiff,
  nowMs: number,
): Promise<void> {
  const changed = diff.changed.map((change) => change.id)
  // What goes away goes first: a deployment may move from one model to another.
  for (const id of [...diff.removed, ...changed]) await removeModel(db, id)
  const touched = new Set([...diff.added, ...changed])
  for (const [position, entry] of entries.entries()) {
    if (touched.has(entry.id)) await insertModel(db, modelOf(entry, before, nowMs), position)
    else if (before[position]?.id !== entry.id) await moveModel(db, entry.id, position)
  }
}

/** With what only the registry knows: when it saw the model first, and what was switched off. */
function modelOf(entry: ModelEntry, before: readonly Model[], nowMs: number): Model {
  const known = before.find((model) => model.id === entry.id)
  const disabled = new Set(
    before.flatMap(({ deployments }) =>
      deployments.filter(({ isDisabled }) => isDisabled).map(({ id }) => id),
    ),
  )
  return {
    ...entry,
    createdAtMs: known?.createdAtMs ?? nowMs,
    isDisabled: known?.isDisabled ?? false,
    deployments: entry.deployments.map((one) => ({ ...one, isDisabled: disabled.has(one.id) })),
  }
}

async function note(db: Db, applied: Applied, { actor, nowMs }: ApplyOptions): Promise<void> {
  const deed = { atMs: nowMs, actor, action: 'models.apply', target: 'models' }
  await noteDeed(db, { ...deed, after: applied })
}

function touchedBy({ added, changed, removed }: ModelsDiff): string[] {
  return [...added, ...changed.map(({ id }) => id), ...removed]
}
