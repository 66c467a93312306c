// What can be asked (a model), and what serves it (a deployment).
import type { ModelPolicy } from './model-policy.ts'
import type { NanoUsd } from './money.ts'

/** A client dialect's route: `openai-chat`, `openai-completions`, `embeddings`. */
export type SurfaceName = string

/** What one token costs. */
export interface TokenPrices {
  promptNanoUsd: NanoUsd
  completionNanoUsd: NanoUsd
  /** For prompt tokens that came from the prefix cache. */
  cachedNanoUsd: NanoUsd
}

/** What a deployment runs on, where its price is known. */
export interface Gpu {
  type: string
  count: number
  /** One GPU for one second. */
  nanoUsdPerSecond: NanoUsd
}

export interface Deployment {
  id: string
  /** The upstream kind that reaches it: a key of the table in `upstreams/kinds.ts`. */
  kind: string
  /** The name under which the server behind it knows the model. */
  servedName: string
  /** How many sequences may be generated there at once when it is warm. */
  slots: number
  /** Its share of the calls under the policy `weighted`; 0: it gets none. */
  weight: number
  /** Somebody else's: it gets calls only where model and key allow it. */
  isThirdParty: boolean
  /** Its own deadlines; null: the configured ones. */
  firstByteMs: number | null
  orphanHoldMs: number | null
  warmForMs: number | null
  gpu: Gpu | null
  /** Checked by the kind's own schema. */
  options: Readonly<Record<string, unknown>>
  /** Switched off by an operator: gets no new calls. */
  isDisabled: boolean
}

/** How one of a model's deployments is chosen for a call, among those that could answer it. */
export const routingPolicies = ['order', 'weighted', 'least-busy'] as const

export type RoutingPolicy = (typeof routingPolicies)[number]

/** What a model can do, for whoever chooses one; the server behind it has the last word. */
export const capabilities = ['tools', 'json', 'vision', 'audio', 'logprobs', 'reasoning'] as const

export type Capability = (typeof capabilities)[number]

export interface Model {
  id: string
  /** Other names that it answers to. */
  aliases: readonly string[]
  ownedBy: string
  createdAtMs: number
  /** The routes that it has. */
  surfaces: readonly SurfaceName[]
  capabilities: readonly Capability[]
  contextTokens: number
  prices: TokenPrices
  deployments: readonly Deployment[]
  routing: RoutingPolicy
  /** Where it differs from what every model allows. */
  policy?: Partial<ModelPolicy>
  /** Switched off by an operator: as if it did not exist. */
  isDisabled: boolean
}

/** Clients ask for models by any text: only what looks like a name is said back or written down. */
export function looksLikeModel(text: string): boolean {
  return /^[\w./:@+-]{1,128}$/.test(text)
}
