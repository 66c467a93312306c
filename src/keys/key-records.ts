// Keys as they are kept in the registry: made, listed and revoked by commands and the admin API. A
// revoked key keeps its row, so that the ledger's key ids never become riddles.
import { type ApiKey, newPublicId } from '#domain'
import type { Registry } from '#storage'
import { hashToken, newToken } from './token.ts'

export interface KeyRequest {
  name: string
  teamId: string | null
  /** null means all models. */
  models: readonly string[] | null
  requestsPerMinute: number | null
  createdAtMs: number
  expiresAtMs: number | null
}

export interface StoredKey extends ApiKey {
  revokedAtMs: number | null
}

/** The secret exists only in this answer. */
export async function createKey(
  registry: Registry,
  request: KeyRequest,
): Promise<{ key: ApiKey; secret: string }> {
  const secret = newToken()
  const key: ApiKey = { id: newPublicId('key'), ...request, isAdmin: false }
  const row = {
    id: key.id,
    secret_hash: hashToken(secret),
    name: key.name,
    team_id: key.teamId,
    models_json: key.models === null ? null : JSON.stringify(key.models),
    requests_per_minute: key.requestsPerMinute,
    created_at_ms: key.createdAtMs,
    expires_at_ms: key.expiresAtMs,
    revoked_at_ms: null,
  }
  await registry.db.insertInto('api_keys').values(row).execute()
  return { key, secret }
}

/** All keys, the revoked too, oldest first. */
export async function listKeys(registry: Registry): Promise<StoredKey[]> {
  const rows = await allRows(registry)
  return rows.map((row) => ({ ...keyOf(row), revokedAtMs: row.revoked_at_ms }))
}

/** The key of this id, now revoked; null: there is none. Revoking again keeps the first moment. */
export async function revokeKey(
  registry: Registry,
  id: string,
  revokedAtMs: number,
): Promise<StoredKey | null> {
  await registry.db
    .updateTable('api_keys')
    .set({ revoked_at_ms: revokedAtMs })
    .where('id', '=', id)
    .where('revoked_at_ms', 'is', null)
    .execute()
  const keys = await listKeys(registry)
  return keys.find((key) => key.id === id) ?? null
}

/** What a token's hash opens: for the snapshot. */
export async function readOpenKeys(registry: Registry): Promise<Map<string, ApiKey>> {
  const rows = await allRows(registry)
  const open = rows.filter((row) => row.revoked_at_ms === null)
  return new Map(open.map((row) => [row.secret_hash, Object.freeze(keyOf(row))]))
}

type KeyRow = Awaited<ReturnType<typeof allRows>>[number]

function allRows(registry: Registry) {
  const rows = registry.db.selectFrom('api_keys').selectAll()
  return rows.orderBy('created_at_ms').orderBy('id').execute()
}

function keyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    teamId: row.team_id,
    // Written by `createKey` from a list of strings, and by nobody else.
    models: row.models_json === null ? null : (JSON.parse(row.models_json) as string[]),
    requestsPerMinute: row.requests_per_minute,
    isAdmin: false,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  }
}
