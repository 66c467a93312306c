// What the door needs from the house. `app` gives it.
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
  /** Whose connection it is, where that is known. */
  address?: string | null
  fault: Fault
}

export interface AdminPorts {
  registry: Registry
  checkDeployment: CheckDeployment
  /** Whether a deployment that is added or changed through this door may lead where it does. */
  mayLead: MayLead
  usualLimits: UsualLimits
  /** Whether the key of this id comes from the environment, and can be changed only there. */
  isGivenKey(id: string): boolean
  /** What was changed through this door holds in this process at once. */
  changed(): Promise<void>
  /** Calls are sent to this deployment again at once. */
  resetCircuit(deploymentId: string): void
}

/** One deployment, as far as it is known without asking it. */
export interface DeploymentStanding {
  deployment: string
  model: string
  readiness: Readiness
  /** Places right now, taken ones included; null while nobody asked for it. */
  places: number | null
  /** Sequences. */
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
export interface KeyState extends KeyStanding {
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
  /** One request of the key's minute; throws a 429 where none is left. */
  takeRequest(key: ApiKey): Promise<Rates>
  /** Whether the token that opened as this key would open now. */
  stillOpens(key: ApiKey): boolean
  onKeysChange(listener: () => void): Disposable
  models(key: ApiKey): readonly Model[]
  keyState(key: ApiKey): Promise<KeyState>
  standing: Standing
  admin: AdminPorts
  /** A request that never became a call. */
  refused(refusal: Refusal): void
  metrics: { contentType: string; render(): Promise<string> }
  /** Why this gateway takes no calls now; null when it does. */
  notReady(): string | null
}
