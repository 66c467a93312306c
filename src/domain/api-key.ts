// Who is asking. The secret is never here, only its public id.
import type { SurfaceName } from './model.ts'

/** What a key is for. `admin` includes `admin-read`; neither may call a model. */
export const scopes = ['chat', 'embeddings', 'admin-read', 'admin'] as const

export type Scope = (typeof scopes)[number]

export interface ApiKey {
  /** Public and loggable, such as `key_5f0c1d…`. */
  id: string
  name: string
  teamId: string | null
  scopes: readonly Scope[]
  /** Models this key may use; null means all. */
  models: readonly string[] | null
  /** null means the configured default. */
  requestsPerMinute: number | null
  /** Of prompts and answers together; null means the configured default. */
  tokensPerMinute: number | null
  /** Calls at once; null means the configured default. */
  concurrencyMax: number | null
  /** Third parties' deployments may answer its calls, if the model allows it too. */
  thirdParty: boolean
  createdAtMs: number
  expiresAtMs: number | null
  /** It may grant any right: it comes from the operator, who has a shell anyway. */
  grantsAll?: true
}

/** Who changes the registry: a key through the admin API, or somebody with a shell. */
export type Actor = ApiKey | 'cli' | 'gateway'

export function holdsScope(key: ApiKey, scope: Scope): boolean {
  if (key.scopes.includes(scope)) return true
  return scope === 'admin-read' && key.scopes.includes('admin')
}

/** Completions count as chat: both let a model write. */
export function scopeOfSurface(surface: SurfaceName): Scope {
  return surface === 'embeddings' ? 'embeddings' : 'chat'
}
