// What must be there before a gateway may start for real. Half a configuration is worse than none:
// it would start, look healthy and fail every call.
import { ConfigMistakes } from '#config'
import { type Model, policyOf } from '#domain'
import type { Environment } from './settings.ts'

export interface Standing {
  environment: Environment
  models: readonly Model[]
  /** Keys that open something now, bootstrap keys included. */
  keyCount: number
  hasCredential(name: string): boolean
  hasRunpodKey: boolean
  hasEndpointId: boolean
  /** The job API is RunPod's own, not one that runs elsewhere. */
  isRunpodItself: boolean
}

export function refuseHalfConfigured(standing: Standing): void {
  const { environment, models, keyCount, hasRunpodKey, hasEndpointId } = standing
  const runpod = models.flatMap(({ deployments }) =>
    deployments.filter(({ kind }) => kind === 'runpod'),
  )
  const mistakes: string[] = []
  if ((runpod.length > 0 || hasEndpointId) && !hasRunpodKey) {
    mistakes.push('RUNPOD_API_KEY is missing: calls go to RunPod, which asks for it')
  }
  if (runpod.some(({ options }) => options.endpointId === undefined) && !hasEndpointId) {
    mistakes.push('RUNPOD_ENDPOINT_ID is missing: a deployment names no endpoint of its own')
  }
  const simulated = runpod.find(
    ({ options: { baseUrl, endpointId } }) =>
      baseUrl === undefined && String(endpointId).startsWith('sim-'),
  )
  if (environment === 'prod' && standing.isRunpodItself && simulated !== undefined) {
    mistakes.push(
      `the registry holds the models of development (${simulated.id}): ` +
        'set RUNPOD_ENDPOINT_ID and run podgate models apply configs/prod/models.yaml',
    )
  }
  if (environment === 'prod' && keyCount === 0) {
    mistakes.push(
      'API_KEYS is missing, and no key of the registry is valid: nobody could use this gateway ' +
        '(podgate keys create)',
    )
  }
  if (environment === 'prod') mistakes.push(...missingCredentials(standing))
  if (environment === 'prod' && models.length === 0) {
    mistakes.push('the registry has no models: podgate models apply FILE')
  }
  if (mistakes.length > 0) throw new ConfigMistakes(mistakes)
}

/** A policy that allows media is of no use to a model that declares neither sight nor hearing. */
export function unreadableMedia(models: readonly Model[]): string[] {
  return models.flatMap((model) => {
    const { remoteMedia, trustedMedia } = policyOf(model)
    const reads = model.capabilities.some((one) => one === 'vision' || one === 'audio')
    if (reads || !(remoteMedia || trustedMedia)) return []
    const allowed = remoteMedia ? 'remoteMedia' : 'trustedMedia'
    return [
      `model ${model.id}: its policy allows ${allowed}, but its capabilities name neither vision ` +
        'nor audio, so images, video and sound are refused (400)',
    ]
  })
}

/** A deployment that is switched off needs none. */
function missingCredentials({ models, hasCredential }: Standing): string[] {
  const asking = new Map<string, string[]>()
  for (const { id, options, isDisabled } of models.flatMap(({ deployments }) => deployments)) {
    const name = options.apiKeyEnv
    if (isDisabled || typeof name !== 'string' || hasCredential(name)) continue
    asking.set(name, [...(asking.get(name) ?? []), id])
  }
  return [...asking].map(([name, ids]) => `${name} is missing: ${ids.join(', ')} asks for it`)
}
