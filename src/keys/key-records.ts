// Keys as rows of the registry, and back. A revoked key keeps its row, so that every key id in the
// ledger can still be looked up.
import type { ApiKey, Scope } from '#domain'
import type { Registry } from '#storage'

export type Db = Registry['db']

export interface StoredKey extends ApiKey {
  revokedAtMs: number | null
  /** Exact to a minute. */
  lastUsedAtMs: number | null
  /** Until when a replaced secret still opens. */
  overlapUntilMs: number | null
}

type KeyState = 'active' | 'expired' | 'revoked'

/** All keys, also revoked ones, oldest first. */
export async function listKeys({ db }: Pick<Registry, 'db'>): Promise<StoredKey[]> {
  const overlaps = new Map<string, number>()
  for (const { key_id, until_ms } of await oldSecrets(db)) {
    overlaps.set(key_id, Math.max(overlaps.get(key_id) ?? 0, until_ms))
  }
  return (await allRows(db)).map((row) => ({
    ...keyOf(row),
    revokedAtMs: row.revoked_at_ms,
    lastUsedAtMs: row.last_used_at_ms,
    overlapUntilMs: overlaps.get(row.id) ?? null,
  }))
}

export async function findKey(
  registry: Pick<Registry, 'db'>,
  id: string,
): Promise<StoredKey | null> {
  return (await listKeys(registry)).find((key) => key.id === id) ?? null
}

export function keyState(key: StoredKey, nowMs: number): KeyState {
  if (key.revokedAtMs !== null) return 'revoked'
  return key.expiresAtMs !== null && key.expiresAtMs <= nowMs ? 'expired' : 'active'
}

/** Keys that open something now. */
export async function runningKeys(db: Db, nowMs: number): Promise<ApiKey[]> {
  return (await listKeys({ db })).filter((key) => keyState(key, nowMs) === 'active')
}

/** Which key each token's hash opens. */
export async function readOpenKeys({ db }: Registry): Promise<Map<string, ApiKey>> {
  const rows = (await allRows(db)).filter((row) => row.revoked_at_ms === null)
  const byId = new Map(rows.map((row) => [row.id, row]))
  const open = new Map(rows.map((row) => [row.secret_hash, Object.freeze(keyOf(row))]))
  for (const { secret_hash, key_id, until_ms } of await oldSecrets(db)) {
    const row = byId.get(key_id)
    if (row === undefined) continue
    const expiresAtMs = Math.min(until_ms, row.expires_at_ms ?? until_ms)
    open.set(secret_hash, Object.freeze({ ...keyOf(row), expiresAtMs }))
  }
  return open
}

export function rowOf(key: ApiKey, secretHash: string) {
  return { id: key.id, secret_hash: secretHash, revoked_at_ms: null, ...columnsOf(key) }
}

/** The columns that `createKey` fills and `updateKey` may change. */
export function columnsOf(key: ApiKey) {
  return {
    name: key.name,
    team_id: key.teamId,
    scopes_json: JSON.stringify(key.scopes),
    models_json: key.models === null ? null : JSON.stringify(key.models),
    requests_per_minute: key.requestsPerMinute,
    tokens_per_minute: key.tokensPerMinute,
    concurrency_max: key.concurrencyMax,
    third_party: Number(key.thirdParty),
    created_at_ms: key.createdAtMs,
    expires_at_ms: key.expiresAtMs,
  }
}

type KeyRow = Awaited<ReturnType<typeof allRows>>[number]

function allRows(db: Db) {
  return db.selectFrom('api_keys').selectAll().orderBy('created_at_ms').orderBy('id').execute()
}

function oldSecrets(db: Db) {
  return db.selectFrom('old_secrets').selectAll().execute()
}

function keyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    teamId: row.team_id,
    // Only `columnsOf` writes these lists, from what a schema has checked.
    scopes: JSON.parse(row.scopes_json) as Scope[],
    models: row.models_json === null ? null : (JSON.parse(row.models_json) as string[]),
    requestsPerMinute: row.requests_per_minute,
    tokensPerMinute: row.tokens_per_minute,
    concurrencyMax: row.concurrency_max,
    thirdParty: row.third_party !== 0,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  }
}
