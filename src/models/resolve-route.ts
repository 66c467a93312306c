// Finds the model that a client asked for by name, if the key may use it on this surface.
import { type ApiKey, Fault, looksLikeModel, type Model, type SurfaceName } from '#domain'
import { type Catalogue, mayUse } from './catalogue.ts'

export interface Route {
  /** At least one of its deployments is switched on. */
  model: Model
}

export function resolveRoute(
  catalogue: Pick<Catalogue, 'find'>,
  modelId: string,
  surface: SurfaceName,
  key: ApiKey,
): Route {
  const model = catalogue.find(modelId)
  if (model === null) {
    const message = `The model ${quoted(modelId)} does not exist.`
    throw new Fault('model_not_found', { message, param })
  }
  if (!mayUse(key, model, modelId)) {
    const message = `This key may not use ${quoted(modelId)}.`
    throw new Fault('model_not_allowed', { message, param })
  }
  if (!model.surfaces.includes(surface)) {
    const routes = model.surfaces.map(routeOf).join(', ')
    const here = routeOf(surface)
    const message = `The model ${quoted(modelId)} cannot be used on ${here}, only on: ${routes}.`
    throw new Fault('bad_request', { message, param })
  }
  if (model.deployments.every(({ isDisabled }) => isDisabled)) {
    const message = `No deployment of the model ${quoted(modelId)} is switched on.`
    throw new Fault('no_deployment', { message })
  }
  return { model }
}

const param = 'model'

/** Clients know routes by their paths. */
const routes: Readonly<Record<SurfaceName, string>> = {
  'openai-chat': '/v1/chat/completions',
  'openai-completions': '/v1/completions',
  embeddings: '/v1/embeddings',
}

function routeOf(surface: SurfaceName): string {
  return routes[surface] ?? surface
}

/** A model's name comes from the client: a message repeats it only where it looks like a name. */
function quoted(modelId: string): string {
  return looksLikeModel(modelId) ? `\`${modelId}\`` : 'that was asked for'
}
