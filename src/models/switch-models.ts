// Switches a model or one of its deployments off and on, without a restart: new calls see it within
// a second, and calls in flight finish. A file that is applied later does not change the switch.
import { type Actor, Fault, type Model } from '#domain'
import { noteDeed, type Registry } from '#storage'
import { readModels } from './model-records.ts'

export interface Switch {
  modelId: string
  /** null: the model as a whole. */
  deploymentId: string | null
  isDisabled: boolean
  nowMs: number
  actor: Actor
}

/** Returns the model after the change. */
export function switchModel(registry: Registry, change: Switch): Promise<Model> {
  const { modelId, deploymentId, isDisabled, nowMs, actor } = change
  return registry.transaction(async (db) => {
    const before = await readModels(db)
    const was = existing(before, modelId, deploymentId)
    refuseForeignModels(actor, [modelId])
    if (was !== isDisabled) {
      const set = { is_disabled: Number(isDisabled) }
      const id = deploymentId ?? modelId
      const table = deploymentId === null ? 'models' : 'deployments'
      await db.updateTable(table).set(set).where('id', '=', id).execute()
      const action = isDisabled ? 'model.disable' : 'model.enable'
      const target = deploymentId === null ? modelId : `${modelId} ${deploymentId}`
      const [from, to] = [{ isDisabled: was }, { isDisabled }]
      await noteDeed(db, { atMs: nowMs, actor, action, target, before: from, after: to })
    }
    return modelOf(await readModels(db), modelId)
  })
}

/** A key that may only use some models may only change those. */
export function refuseForeignModels(actor: Actor, ids: readonly string[]): void {
  const { models } = typeof actor === 'string' ? { models: null } : actor
  if (models === null || ids.every((id) => models.includes(id))) return
  throw new Fault('not_granted', {
    message: 'Your key may not change this: it may use some models only, and this is another.',
    param: 'models',
  })
}

function existing(models: readonly Model[], modelId: string, deploymentId: string | null): boolean {
  const model = modelOf(models, modelId)
  if (deploymentId === null) return model.isDisabled
  const deployment = model.deployments.find(({ id }) => id === deploymentId)
  if (deployment !== undefined) return deployment.isDisabled
  throw new Fault('not_found', {
    message: 'The model has no deployment of this name.',
    param: 'deployment',
  })
}

function modelOf(models: readonly Model[], id: string): Model {
  const model = models.find((one) => one.id === id)
  if (model !== undefined) return model
  // Switching affects all names of a model, and someone who gives an alias may not mean that.
  const named = models.find(({ aliases }) => aliases.includes(id))
  if (named !== undefined) {
    const message = `That is an alias of ${named.id}: name the model itself.`
    throw new Fault('not_found', { message, param: 'model' })
  }
  throw new Fault('not_found', { message: 'There is no model of this id.', param: 'model' })
}
