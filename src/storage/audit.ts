// Who changed what in the registry. An entry is written in the transaction of its change, so
// neither is there without the other, and no entry is ever changed. The room that makes a change
// gives the values before and after it, without secrets.
import type { Kysely } from 'kysely'
import type { Actor } from '#domain'
import type { Registry } from './registry.ts'
import type { RegistryTables } from './registry-tables.ts'

export interface AuditEntry {
  id: number
  atMs: number
  /** A key's id, or `cli`. */
  actor: string
  /** Such as `key.create`. */
  action: string
  target: string
  before: unknown
  after: unknown
}

interface Deed {
  atMs: number
  actor: Actor
  action: string
  target: string
  before?: unknown
  after?: unknown
}

export async function noteDeed(db: Kysely<RegistryTables>, deed: Deed): Promise<void> {
  const row = {
    at_ms: deed.atMs,
    actor: typeof deed.actor === 'string' ? deed.actor : deed.actor.id,
    action: deed.action,
    target: deed.target,
    before_json: deed.before === undefined ? null : JSON.stringify(deed.before),
    after_json: deed.after === undefined ? null : JSON.stringify(deed.after),
  }
  await db.insertInto('audit').values(row).execute()
}

/** Whether this action was ever done. */
export async function hasDeed(db: Kysely<RegistryTables>, action: string): Promise<boolean> {
  const select = db.selectFrom('audit').select('id').where('action', '=', action).limit(1)
  return (await select.executeTakeFirst()) !== undefined
}

export interface AuditQuery {
  limit: number
  /** Only entries that are older than the entry of this id. */
  beforeId: number | null
}

/** The newest first. */
export async function listAudit(registry: Registry, query: AuditQuery): Promise<AuditEntry[]> {
  let select = registry.db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(query.limit)
  if (query.beforeId !== null) select = select.where('id', '<', query.beforeId)
  const rows = await select.execute()
  return rows.map((row) => ({
    id: row.id,
    atMs: row.at_ms,
    actor: row.actor,
    action: row.action,
    target: row.target,
    before: row.before_json === null ? null : JSON.parse(row.before_json),
    after: row.after_json === null ? null : JSON.parse(row.after_json),
  }))
}
