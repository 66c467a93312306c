// What `http` needs from the other rooms; `app` gives it.
import type { KeyUsage } from '#accounting'
import type { ApiKey, Clock, Fault, Model, Rates, Readiness } from '#domain'
import type { UsualLimits } from '#keys'
import type { KeyStanding } from '#limits'
import type { CheckDeployment, MayLead } from '#models'
import type { AttemptCounts } from '#observability'
import type { RelayOptions, RelayPorts } from '#relay'
import type { Registry } from '#storage'
import type { Surface } from '#surfaces'
import type { HttpOptions } from './options.ts'

export interface Refusal {
  requestId: string
  clientRequestId: string | null
  keyId: string | null
  surface: string
  /** The address of the client, where it is known. */
  address?: string | null
  fault: Fault
}

interface AdminPorts {
  registry: Registry
  checkDeployment: CheckDeployment
  /** Whether an admin request may add or change a deployment so that calls go to this address. */
  mayLead: MayLead
  usualLimits: UsualLimits
  /** Whether the key of this id comes from the environment, and can be changed only there. */
  isGivenKey(id: string): boolean
  /** Makes a change of the registry hold in this process at once. */
  changed(): Promise<void>
  /** Calls go to this deployment again at once. */
  resetCircuit(deploymentId: string): void
}

/** What is known of one deployment without asking it. */
export interface DeploymentStanding {
  deployment: string
  model: string
  readiness: Readiness
  /** Places right now, taken ones included; null while nobody asked for it. */
  places: number | null
  /** How many sequences run. */
  running: number
  isPaused: boolean
  circuit: 'closed' | 'open' | 'half-open'
}

export interface Standing {
  version: string
  uptimeSeconds(): number
  ledger(): string
  deployments(): DeploymentStanding[]
  /** Calls in the line of each model. */
  lines(): { model: string; waiting: number }[]
  attempts(): AttemptCounts
}

/** What a key has left, and what it used since the start. */
export interface KeyOverview extends KeyStanding {
  usage: KeyUsage
}

export interface HttpPorts {
  clock: Clock
  options: HttpOptions
  relayOptions: RelayOptions
  relay: RelayPorts
  surfaces: readonly Surface[]
  /** null: the token opens nothing. */
  verify(token: string): ApiKey | null
  /** Counts one request against the key's minute; throws a 429 when none is left. */
  takeRequest(key: ApiKey): Promise<Rates>
  /** Whether the token that opened as this key would open now. */
  stillOpens(key: ApiKey): boolean
  onKeysChange(listener: () => void): Disposable
  models(key: ApiKey): readonly Model[]
  keyOverview(key: ApiKey): Promise<KeyOverview>
  standing: Standing
  admin: AdminPorts
  /** Notes a request that never became a call. */
  refused(refusal: Refusal): void
  metrics: { contentType: string; render(): Promise<string> }
  /** Why this gateway takes no calls now; null when it does. */
  notReady(): string | null
}
