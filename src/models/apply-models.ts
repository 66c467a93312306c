// Applies a models file: afterwards the registry holds the models of the file and no others. All
// changes are made in one transaction and told field by field; a dry run only tells them. A change
// that would break keys in use must be forced.
import type { Actor, ApiKey, Model } from '#domain'
import { noteDeed, type Registry } from '#storage'
import { type BrokenKey, breaksKeys, brokenKeys } from './broken-keys.ts'
import { type Db, insertModel, moveModel, readModels, removeModel } from './model-records.ts'
import { diffOf, type ModelsDiff } from './models-diff.ts'
import type { ModelsFile } from './models-file.ts'
import type { ModelEntry } from './models-schema.ts'
import { type MayLead, refuseAddresses, refuseThirdParties } from './refuse-leaks.ts'
import { refuseForeignModels } from './switch-models.ts'

/** The audit's name for it. */
export const modelsApplied = 'models.apply'

export interface ApplyOptions {
  dryRun: boolean
  /** Change the registry also when that breaks keys in use. */
  force: boolean
  nowMs: number
  actor: Actor
  /** Keys that are valid now, read in the transaction of the change. */
  runningKeys(db: Db): Promise<readonly ApiKey[]>
  /** Whether a new or changed deployment may lead there; absent: it may lead anywhere. */
  mayLead?: MayLead
}

export interface Applied extends ModelsDiff {
  /** Keys that lose a model or a route. */
  breaks: readonly BrokenKey[]
}

export function applyModels(
  registry: Registry,
  file: ModelsFile,
  options: ApplyOptions,
): Promise<Applied> {
  return registry.transaction(async (db) => {
    const before = await readModels(db)
    const after = file.models.map((entry) => modelOf(entry, before, options.nowMs))
    const diff = diffOf(before, file.models)
    const keys = await options.runningKeys(db)
    const breaks = brokenKeys(keys, before, after)
    refuseForeignModels(options.actor, touchedBy(diff))
    if (options.mayLead !== undefined) refuseAddresses(before, after, options.mayLead)
    refuseThirdParties(options.actor, before, after)
    if (!options.dryRun) {
      if (breaks.length > 0 && !options.force) throw breaksKeys(breaks)
      await write(db, after, before, diff)
      if (touchedBy(diff).length > 0) await note(db, { before, after, diff, breaks }, options)
    }
    return { ...diff, breaks }
  })
}

async function write(
  db: Db,
  after: readonly Model[],
  before: readonly Model[],
  diff: ModelsDiff,
): Promise<void> {
  const changed = diff.changed.map((change) => change.id)
  // Removals come first: a deployment may move from one model to another.
  for (const id of [...diff.removed, ...changed]) await removeModel(db, id)
  const touched = new Set([...diff.added, ...changed])
  for (const [position, model] of after.entries()) {
    if (touched.has(model.id)) await insertModel(db, model, position)
    else if (before[position]?.id !== model.id) await moveModel(db, model.id, position)
  }
}

/** Adds what only the registry knows: when the model was created and what is switched off. */
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

interface Change {
  before: readonly Model[]
  after: readonly Model[]
  diff: ModelsDiff
  breaks: readonly BrokenKey[]
}

/**
 * Writes every touched model whole into the audit, so that it can be put back. That shows no
 * secret: a file only names secrets, and one that holds any is refused.
 */
async function note(db: Db, change: Change, { actor, nowMs }: ApplyOptions): Promise<void> {
  const { diff, breaks } = change
  const touched = new Set(touchedBy(diff))
  const touchedOf = (models: readonly Model[]) => models.filter(({ id }) => touched.has(id))
  await noteDeed(db, {
    atMs: nowMs,
    actor,
    action: modelsApplied,
    target: 'models',
    before: { models: touchedOf(change.before) },
    after: { ...diff, breaks, models: touchedOf(change.after) },
  })
}

function touchedBy({ added, changed, removed }: ModelsDiff): string[] {
  return [...added, ...changed.map(({ id }) => id), ...removed]
}
