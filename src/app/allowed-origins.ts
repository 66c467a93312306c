// Where whoever edits the registry over the network may lead a deployment: to the origin of the
// RunPod API that is in force, which in development is the simulator's, and to the origins that the
// configuration lists. A deployment takes the account's credentials and the prompts with it.
import type { MayLead } from '#models'
import { type Credentials, originsOf } from '#upstreams'
import type { Config } from './config-schema.ts'

export function allowedOrigins({ upstreams }: Config, credentials: Credentials): MayLead {
  const named = [credentials('RUNPOD_BASE_URL') ?? '', ...upstreams.origins]
  const allowed = new Set(named.map((url) => URL.parse(url)?.origin))
  return (deployment) => {
    const origins = originsOf(deployment, credentials)
    return origins.length > 0 && origins.every((origin) => allowed.has(origin))
  }
}
