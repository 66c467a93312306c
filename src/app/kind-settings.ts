// What each kind of upstream is told from outside: its own section of the configuration and the
// secrets that it declares. Nothing else of the environment is in a kind's reach.
import { isAmong, type Secrets } from '#config'
import type { KindSettings, SimulatorDoor, UpstreamKinds } from '#upstreams'
import type { Config } from './config-schema.ts'

/** By the name of a kind. */
export type SettingsOfKinds = (kind: string) => KindSettings

export interface KindSources {
  config: Config
  secrets: Secrets
  kinds: UpstreamKinds
}

export function settingsOfKinds(
  { config, secrets, kinds }: KindSources,
  simulator: SimulatorDoor | null,
): SettingsOfKinds {
  const sections: Readonly<Record<string, unknown>> = config
  const all = new Map<string, KindSettings>()
  for (const [name, { section, secrets: declared = [], simulation }] of Object.entries(kinds)) {
    const settings: KindSettings = {
      section: section === undefined ? undefined : sections[name],
      secret: (wanted) => (isAmong(declared, wanted) ? secrets.named(wanted) : null),
    }
    const isSimulated = simulator !== null && simulation !== undefined
    all.set(name, isSimulated ? simulation.settings(simulator, settings) : settings)
  }
  return (kind) => all.get(kind) ?? untold
}

/** The registry may name kinds that this gateway does not have. */
const untold: KindSettings = { section: undefined, secret: () => null }
