// `/admin/models`: all models with their deployments, also the disabled ones. Ids hold slashes, so
// a request that changes a model names it in the body. Circuits are not in the registry but in each
// process: a reset closes the circuit of this gateway alone.
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { Fault } from '#domain'
import { runningKeys } from '#keys'
import { applyModels, readModels, readModelsValue, refuseForeignModels, switchModel } from '#models'
import { noteDeed } from '#storage'
import { bodyOf } from './admin-request.ts'
import { keyBehind } from './guard.ts'
import type { DeploymentStanding, HttpPorts, Standing } from './ports.ts'

const applyBody = z.strictObject({
  models: z.unknown(),
  dryRun: z.boolean().default(false),
  force: z.boolean().default(false),
})

const switchBody = z.strictObject({
  model: z.string().min(1).max(128),
  deployment: z.string().min(1).max(128).nullable().default(null),
})

const resetBody = z.strictObject({ deployment: z.string().min(1).max(128) })

export function addAdminModels(admin: FastifyInstance, all: HttpPorts): void {
  const { clock } = all
  const { registry, checkDeployment, mayLead, changed } = all.admin

  admin.get('/models', async () => ({ object: 'list', data: await readModels(registry.db) }))
  admin.get<{ Params: { '*': string } }>('/models/*', async ({ params }) => {
    const models = await readModels(registry.db)
    const model = models.find(({ id }) => id === params['*'])
    if (model !== undefined) return model
    throw new Fault('not_found', { message: 'There is no model of this id.', param: 'model' })
  })
  admin.post('/models/apply', async (request) => {
    const { models, dryRun, force } = bodyOf(request, applyBody)
    const nowMs = clock.nowMs()
    const applied = await applyModels(registry, readModelsValue({ models }, checkDeployment), {
      dryRun,
      force,
      nowMs,
      actor: keyBehind(request),
      runningKeys: (db) => runningKeys(db, nowMs),
      mayLead,
    })
    await changed()
    return { dryRun, ...applied }
  })
  for (const action of ['enable', 'disable'] as const) {
    admin.post(`/models/${action}`, async (request) => {
      const { model: modelId, deployment: deploymentId } = bodyOf(request, switchBody)
      const model = await switchModel(registry, {
        modelId,
        deploymentId,
        isDisabled: action === 'disable',
        nowMs: clock.nowMs(),
        actor: keyBehind(request),
      })
      await changed()
      return model
    })
  }
  addCircuitReset(admin, all)
}

function addCircuitReset(admin: FastifyInstance, { admin: ports, standing, clock }: HttpPorts) {
  admin.post('/models/reset-circuit', async (request) => {
    const { deployment } = bodyOf(request, resetBody)
    const actor = keyBehind(request)
    const { model, circuit: was } = deploymentOf(standing, deployment)
    refuseForeignModels(actor, [model])
    if (was !== 'closed') {
      const deed = { action: 'model.reset-circuit', target: `${model} ${deployment}` }
      const states = { before: { circuit: was }, after: { circuit: 'closed' } }
      // The audit comes first: a reset that cannot be written down does not happen.
      await ports.registry.transaction((db) =>
        noteDeed(db, { atMs: clock.nowMs(), actor, ...deed, ...states }),
      )
      ports.resetCircuit(deployment)
    }
    return { deployment, model, was, circuit: deploymentOf(standing, deployment).circuit }
  })
}

function deploymentOf(standing: Standing, id: string): DeploymentStanding {
  const found = standing.deployments().find(({ deployment }) => deployment === id)
  if (found !== undefined) return found
  const message = 'No model that is enabled has a deployment of this id.'
  throw new Fault('not_found', { message, param: 'deployment' })
}
