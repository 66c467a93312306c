// Which secret a deployment may ask for, by name: nothing else of the environment is in reach.
import type { Credentials } from '#upstreams'
import type { Additions } from './gateway.ts'
import type { Settings } from './settings.ts'

export function credentialsOf(settings: Settings, { runpod }: Additions): Credentials {
  const { config, secrets } = settings
  return (name) => {
    if (name === 'RUNPOD_API_KEY') return runpod?.apiKey ?? secrets.runpodApiKey
    if (name === 'RUNPOD_BASE_URL') return runpod?.baseUrl ?? config.runpod.baseUrl
    if (name === 'RUNPOD_ENDPOINT_ID') return config.runpod.endpointId
    const external = /^EXTERNAL_(.+)_KEY$/.exec(name)?.[1]
    return external === undefined ? null : secrets.externalKey(external)
  }
}
