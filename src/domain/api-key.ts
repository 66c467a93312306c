// Who is asking. The secret itself is never here: only its public id.

export interface ApiKey {
  /** Public and loggable, such as `key_5f0c1d…`. */
  id: string
  name: string
  teamId: string | null
  /** Models this key may use; null means all. */
  models: readonly string[] | null
  /** null means the configured default. */
  requestsPerMinute: number | null
  isAdmin: boolean
  createdAtMs: number
  expiresAtMs: number | null
}
