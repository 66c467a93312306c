// Models as rows of the registry, and back.
import type { Capability, Deployment, Model, ModelPolicy, RoutingPolicy } from '#domain'
import type { Registry } from '#storage'

export type Db = Registry['db']

/** All models with their deployments, in the order of the file they came from. */
export async function readModels(db: Db): Promise<Model[]> {
  // A model may come or go between the two statements. A deployment without its model is left out,
  // and the next poll shows the change.
  const models = await db.selectFrom('models').selectAll().orderBy('position').execute()
  const rows = await db.selectFrom('deployments').selectAll().orderBy('position').execute()
  return models.map((row) => ({
    id: row.id,
    ownedBy: row.owned_by,
    createdAtMs: row.created_at_ms,
    // Lists and words were written by `insertModel` from a checked file, and by nobody else.
    aliases: JSON.parse(row.aliases_json) as string[],
    surfaces: JSON.parse(row.surfaces_json) as string[],
    capabilities: JSON.parse(row.capabilities_json) as Capability[],
    contextTokens: row.context_tokens,
    prices: {
      promptNanoUsd: row.prompt_nano_usd,
      completionNanoUsd: row.completion_nano_usd,
      cachedNanoUsd: row.cached_nano_usd,
    },
    deployments: rows.filter((deployment) => deployment.model_id === row.id).map(deploymentOf),
    routing: row.routing as RoutingPolicy,
    ...(row.policy_json === null
      ? {}
      : { policy: JSON.parse(row.policy_json) as Partial<ModelPolicy> }),
    isDisabled: row.is_disabled !== 0,
  }))
}

export async function insertModel(db: Db, model: Model, position: number): Promise<void> {
  const { prices } = model
  const row = {
    id: model.id,
    position,
    owned_by: model.ownedBy,
    created_at_ms: model.createdAtMs,
    aliases_json: JSON.stringify(model.aliases),
    surfaces_json: JSON.stringify(model.surfaces),
    capabilities_json: JSON.stringify(model.capabilities),
    context_tokens: model.contextTokens,
    prompt_nano_usd: prices.promptNanoUsd,
    completion_nano_usd: prices.completionNanoUsd,
    cached_nano_usd: prices.cachedNanoUsd,
    routing: model.routing,
    policy_json: model.policy === undefined ? null : JSON.stringify(model.policy),
    is_disabled: Number(model.isDisabled),
  }
  await db.insertInto('models').values(row).execute()
  for (const [index, deployment] of model.deployments.entries()) {
    await db
      .insertInto('deployments')
      .values(rowOf(model.id, deployment, index))
      .execute()
  }
}

export async function moveModel(db: Db, id: string, position: number): Promise<void> {
  await db.updateTable('models').set({ position }).where('id', '=', id).execute()
}

export async function removeModel(db: Db, id: string): Promise<void> {
  await db.deleteFrom('deployments').where('model_id', '=', id).execute()
  await db.deleteFrom('models').where('id', '=', id).execute()
}

function rowOf(modelId: string, deployment: Deployment, position: number) {
  return {
    id: deployment.id,
    model_id: modelId,
    position,
    kind: deployment.kind,
    served_name: deployment.servedName,
    slots: deployment.slots,
    weight: deployment.weight,
    third_party: Number(deployment.isThirdParty),
    first_byte_ms: deployment.firstByteMs,
    orphan_hold_ms: deployment.orphanHoldMs,
    warm_for_ms: deployment.warmForMs,
    gpu_type: deployment.gpu?.type ?? null,
    gpu_count: deployment.gpu?.count ?? null,
    gpu_nano_usd_per_second: deployment.gpu?.nanoUsdPerSecond ?? null,
    options_json: JSON.stringify(deployment.options),
    is_disabled: Number(deployment.isDisabled),
  }
}

function deploymentOf(row: ReturnType<typeof rowOf>): Deployment {
  const { gpu_type: type, gpu_count: count, gpu_nano_usd_per_second: nanoUsdPerSecond } = row
  const hasGpu = type !== null && count !== null && nanoUsdPerSecond !== null
  return {
    id: row.id,
    kind: row.kind,
    servedName: row.served_name,
    slots: row.slots,
    weight: row.weight,
    isThirdParty: row.third_party !== 0,
    firstByteMs: row.first_byte_ms,
    orphanHoldMs: row.orphan_hold_ms,
    warmForMs: row.warm_for_ms,
    gpu: hasGpu ? { type, count, nanoUsdPerSecond } : null,
    options: JSON.parse(row.options_json) as Record<string, unknown>,
    isDisabled: row.is_disabled !== 0,
  }
}
