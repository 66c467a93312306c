// `GET /v1/models` and `/v1/models/{id}`, answered from memory, because asking the upstream would
// wake a GPU. A key sees the models that it may use. Ids hold slashes, raw or as `%2F`.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Fault, type Model } from '#domain'
import { keyBehind } from './guard.ts'
import type { HttpPorts } from './ports.ts'

export function addModelRoutes(app: FastifyInstance, ports: HttpPorts): void {
  const visible = (request: FastifyRequest) => ports.models(keyBehind(request))
  app.get('/v1/models', async (request) => ({
    object: 'list',
    data: visible(request).map(modelObject),
  }))
  app.get<{ Params: { '*': string } }>('/v1/models/*', async (request) => {
    const model = visible(request).find(({ id }) => id === request.params['*'])
    if (model !== undefined) return modelObject(model)
    throw new Fault('model_not_found', { message: 'The model does not exist.', param: 'model' })
  })
}

function modelObject(model: Model) {
  return {
    id: model.id,
    object: 'model',
    created: Math.floor(model.createdAtMs / 1000),
    owned_by: model.ownedBy,
    // vLLM names it like this; OpenAI tells neither this nor the capabilities.
    max_model_len: model.contextTokens,
    capabilities: model.capabilities,
  }
}
