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
import { type MayLead, refuseAddresses } from './refuse-addresses.ts'
import { refuseThirdParties } from './refuse-third-parties.ts'
import { refuseForeignModels } from './switch-models.ts'

/** As the audit calls it. */
export const modelsApplied = 'models.apply'

export interface ApplyOptions {
  dryRun: boolean
  /** Also when it breaks keys in use. */
  force: boolean
  nowMs: number
  actor: Actor
  /** Keys that open something now, read in the transaction of the change. */
  runningKeys(db: Db): Promise<readonly ApiKey[]>
  /** Where new and changed deployments may lead; anywhere, when it is not said. */
  mayLead?: MayLead
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
  // What goes away goes first: a deployment may move from one model to another.
  for (const id of [...diff.removed, ...changed]) await removeModel(db, id)
  const touched = new Set([...diff.added, ...changed])
  for (const [position, model] of after.entries()) {
    if (touched.has(model.id)) await insertModel(db, model, position)
    else if (before[position]?.id !== model.id) await moveModel(db, model.id, position)
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

interface Change {
  before: readonly Model[]
  after: readonly Model[]
  diff: ModelsDiff
  breaks: readonly BrokenKey[]
}

/**
 * With the whole of each model that was touched, so that what is gone can be put back. Secrets are
 * not in it: a file names them, and one that holds them is refused.
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
