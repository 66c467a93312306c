// Models, through the admin door: all of them, also those that are switched off, with where they
// are served. Ids hold slashes, so whatever changes one names it in the body.
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { Fault } from '#domain'
import { runningKeys } from '#keys'
import { applyModels, readModels, readModelsValue, switchModel } from '#models'
import { actorOf, bodyOf } from './admin-request.ts'
import type { HttpPorts } from './ports.ts'

const applyBody = z.strictObject({
  models: z.unknown(),
  dryRun: z.boolean().default(false),
  force: z.boolean().default(false),
})

const switchBody = z.strictObject({
  model: z.string().min(1).max(128),
  deployment: z.string().min(1).max(128).nullable().default(null),
})

export function addAdminModels(admin: FastifyInstance, { admin: ports, clock }: HttpPorts): void {
  const { registry, checkDeployment, mayLead, changed } = ports

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
      actor: actorOf(request),
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
        actor: actorOf(request),
      })
      await changed()
      return model
    })
  }
}
