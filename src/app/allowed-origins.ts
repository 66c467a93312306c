// Where somebody who edits the registry over the network may lead a deployment: to an origin to
// which the configuration of a kind leads (in development that may be the simulator's), or to one
// that `upstreams.origins` lists. The account's credentials and the prompts go where it leads.
import type { MayLead } from '#models'
import { checkDeployment, originsOf, type UpstreamKinds } from '#upstreams'
import type { SettingsOfKinds } from './kind-settings.ts'

export function allowedOrigins(
  listed: readonly string[],
  kinds: UpstreamKinds,
  settingsOf: SettingsOfKinds,
): MayLead {
  const leadsTo = (address: Parameters<MayLead>[0]) =>
    originsOf(address, settingsOf(address.kind), kinds)
  // Where a kind takes deployments without options, its configuration says where those lead.
  const configured = Object.keys(kinds)
    .filter((kind) => checkDeployment(kind, {}, kinds).length === 0)
    .flatMap((kind) => leadsTo({ kind, options: {} }))
  const allowed = new Set([...configured, ...listed.map((url) => URL.parse(url)?.origin)])
  return (address) => {
    const origins = leadsTo(address)
    return origins.length > 0 && origins.every((origin) => allowed.has(origin))
  }
}
