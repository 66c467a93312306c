// What the door needs from the house. `app` gives it.
import type { ApiKey, Clock, Fault, Model } from '#domain'
import type { RelayOptions, RelayPorts } from '#relay'
import type { Surface } from '#surfaces'
import type { HttpOptions } from './options.ts'

export interface Refusal {
  requestId: string
  clientRequestId: string | null
  keyId: string | null
  surface: string
  fault: Fault
}

export interface HttpPorts {
  clock: Clock
  options: HttpOptions
  relayOptions: RelayOptions
  relay: RelayPorts
  surfaces: readonly Surface[]
  /** null: the token opens nothing. */
  verify(token: string): ApiKey | null
  models(key: ApiKey): readonly Model[]
  /** A request that never became a call. */
  refused(refusal: Refusal): void
  metrics: { contentType: string; render(): Promise<string> }
  /** Why this gateway takes no calls now; null when it does. */
  notReady(): string | null
}
