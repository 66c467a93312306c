// What must be there before a gateway may start for real. Half a configuration is worse than none:
// it would start, look healthy and fail every call.
import { ConfigMistakes } from '#config'
import { type Model, policyOf } from '#domain'
import type { UpstreamKinds } from '#upstreams'
import type { SettingsOfKinds } from './kind-settings.ts'
import type { Environment } from './settings.ts'

export interface StartFacts {
  environment: Environment
  models: readonly Model[]
  /** Keys that open something now, bootstrap keys included. */
  keyCount: number
  kinds: UpstreamKinds
  settingsOf: SettingsOfKinds
}

export function refuseHalfConfigured(facts: StartFacts): void {
  const { environment, models, keyCount } = facts
  const isProduction = environment === 'prod'
  const mistakes = mistakesOfKinds(facts)
  if (isProduction && keyCount === 0) {
    mistakes.push(
      'API_KEYS is missing, and no key of the registry is valid: nobody could use this gateway ' +
        '(podgate keys create)',
    )
  }
  if (isProduction) mistakes.push(...missingSecrets(facts))
  if (isProduction && models.length === 0) {
    mistakes.push('the registry has no models: podgate models apply FILE')
  }
  if (mistakes.length > 0) throw new ConfigMistakes(mistakes)
}

function mistakesOfKinds({ environment, models, kinds, settingsOf }: StartFacts): string[] {
  const isProduction = environment === 'prod'
  const all = models.flatMap(({ deployments }) => deployments)
  return Object.entries(kinds).flatMap(([name, { startMistakes }]) => {
    const deployments = all.filter(({ kind }) => kind === name)
    return startMistakes?.({ isProduction, deployments, settings: settingsOf(name) }) ?? []
  })
}

/** Secrets that deployments ask for and nobody gave. One that is switched off needs none. */
function missingSecrets({ models, kinds, settingsOf }: StartFacts): string[] {
  const asking = new Map<string, string[]>()
  for (const { id, kind, options, isDisabled } of models.flatMap(
    ({ deployments }) => deployments,
  )) {
    if (isDisabled || !Object.hasOwn(kinds, kind)) continue
    for (const name of kinds[kind]?.secretsOf?.(options) ?? []) {
      if (settingsOf(kind).secret(name) !== null) continue
      asking.set(name, [...(asking.get(name) ?? []), id])
    }
  }
  return [...asking].map(([name, ids]) => `${name} is missing: ${ids.join(', ')} asks for it`)
}

/** A model that declares neither vision nor audio gets no media, even if its policy allows them. */
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
