// What is set about the workers of one endpoint: what the account says, unless the endpoint says
// otherwise itself.
import type { EndpointOptions, SimulatorOptions } from '../options.ts'
import { type FleetOptions, fleetNames } from './fleet-options.ts'

export type EndpointSettings = FleetOptions

export function settingsOf(options: SimulatorOptions, model: EndpointOptions): EndpointSettings {
  const shared = Object.fromEntries(fleetNames.map((name) => [name, options[name]]))
  const own = Object.entries(model.fleet).filter(([, value]) => value !== undefined)
  // Every name of the fleet's options is filled from the account's, which has them all.
  return { ...shared, ...Object.fromEntries(own) } as EndpointSettings
}
