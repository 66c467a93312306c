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
  /** The name by which its server knows the model. */
  servedName: string
  /** How many sequences it may generate at once when it is warm. */
  slots: number
  /** Its share of the calls under the policy `weighted`; 0: it gets none. */
  weight: number
  /** It gets calls only if model and key allow third parties. */
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

/** How a deployment is chosen for a call, among those of the model that could answer it. */
export const routingPolicies = ['order', 'weighted', 'least-busy'] as const

export type RoutingPolicy = (typeof routingPolicies)[number]

/** What a model can do, for clients that choose one; its server has the last word. */
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
  /** What differs from the usual policy. */
  policy?: Partial<ModelPolicy>
  /** Switched off by an operator: as if it did not exist. */
  isDisabled: boolean
}

/** Clients may send any text as a model: only what looks like a name is repeated or logged. */
export function looksLikeModel(text: string): boolean {
  return /^[\w./:@+-]{1,128}$/.test(text)
}
