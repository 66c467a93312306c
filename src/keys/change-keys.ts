// Creates, changes, rotates and revokes keys, for commands and the admin API alike. Each change
// adds a line to the audit in its own transaction. The line says everything but the secret.
import { type Actor, type ApiKey, Fault, holdsScope, newPublicId } from '#domain'
import { noteDeed, type Registry } from '#storage'
import { refuseWider, type UsualLimits } from './grants.ts'
import { columnsOf, type Db, findKey, keyState, rowOf, type StoredKey } from './key-records.ts'
import type { KeyChanges, KeyTerms } from './key-request.ts'
import { hashToken, newToken } from './token.ts'

export interface NewSecret {
  key: StoredKey
  /** Not stored anywhere. */
  secret: string
}

/** Usual limits matter only where a key grants rights. Who has a shell may grant anything. */
const noLimits: UsualLimits = {
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrencyMax: null,
}

export async function createKey(
  registry: Registry,
  terms: KeyTerms,
  actor: Actor,
  usual = noLimits,
): Promise<NewSecret> {
  refuseWider(actor, terms, usual)
  const secret = newToken()
  const key: ApiKey = { id: newPublicId('key'), ...terms }
  await registry.transaction(async (db) => {
    await db
      .insertInto('api_keys')
      .values(rowOf(key, hashToken(secret)))
      .execute()
    const { id: target, ...after } = key
    await noteDeed(db, { atMs: terms.createdAtMs, actor, action: 'key.create', target, after })
  })
  const unused = { revokedAtMs: null, lastUsedAtMs: null, overlapUntilMs: null }
  return { key: { ...key, ...unused }, secret }
}

export interface Update {
  nowMs: number
  actor: Actor
  usual?: UsualLimits
}

export interface Updated {
  key: StoredKey
  changed: readonly (keyof KeyChanges)[]
}

const changeable = [
  'name',
  'teamId',
  'scopes',
  'models',
  'requestsPerMinute',
  'tokensPerMinute',
  'concurrencyMax',
  'thirdParty',
  'expiresAtMs',
] as const satisfies readonly (keyof KeyChanges)[]

/**
 * A field that stays the same is no change. The actor must hold the rights that it sets. It must
 * hold all rights of the key where it makes an expired key valid again, or adds a scope, which
 * opens all of the key's models for as long as the key lives.
 */
export function updateKey(
  registry: Registry,
  id: string,
  changes: KeyChanges,
  { nowMs, actor, usual = noLimits }: Update,
): Promise<Updated> {
  return registry.transaction(async (db) => {
    const before = await unrevoked(db, id)
    const state = keyState(before, nowMs)
    const changed = changeable.filter((field) => isOther(changes[field], before[field]))
    if (changed.length === 0) return { key: before, changed }
    const key: StoredKey = { ...before, ...only(changed, changes) }
    const isRevived = state === 'expired' && changed.includes('expiresAtMs')
    const isOpened = key.scopes.some((scope) => !holdsScope(before, scope))
    refuseWider(actor, key, usual, isRevived || isOpened ? undefined : changed)
    await db.updateTable('api_keys').set(columnsOf(key)).where('id', '=', id).execute()
    const deed = { atMs: nowMs, actor, action: 'key.update', target: id }
    await noteDeed(db, { ...deed, before: only(changed, before), after: only(changed, key) })
    return { key, changed }
  })
}

/** Lists are compared by their members. */
function isOther(asked: KeyChanges[keyof KeyChanges], held: unknown): boolean {
  return asked !== undefined && JSON.stringify(asked) !== JSON.stringify(held)
}

function only(fields: Updated['changed'], of: KeyChanges): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, of[field]]))
}

export interface Rotation extends Update {
  /** How long the old secret still opens. */
  overlapMs: number
}

/** Makes a new secret. Who gets it may do all that the key may, so the actor must hold that. */
export function rotateKey(registry: Registry, id: string, rotation: Rotation): Promise<NewSecret> {
  const { nowMs, actor, usual = noLimits } = rotation
  const secret = newToken()
  return registry.transaction(async (db) => {
    const before = await unrevoked(db, id)
    if (keyState(before, nowMs) === 'expired')
      throw gone(id, 'has expired: a new secret would open nothing')
    refuseWider(actor, before, usual)
    await keepOldSecret(db, id, nowMs, nowMs + rotation.overlapMs)
    const secret_hash = hashToken(secret)
    await db.updateTable('api_keys').set({ secret_hash }).where('id', '=', id).execute()
    const key = await existing(db, id)
    const after = { overlapUntilMs: key.overlapUntilMs }
    await noteDeed(db, { atMs: nowMs, actor, action: 'key.rotate', target: id, after })
    return { key, secret }
  })
}

/** Revoking again changes nothing: the first moment stays. */
export function revokeKey(
  registry: Registry,
  id: string,
  { nowMs, actor }: Update,
): Promise<StoredKey> {
  return registry.transaction(async (db) => {
    const before = await existing(db, id)
    if (before.revokedAtMs !== null) return before
    await db.updateTable('api_keys').set({ revoked_at_ms: nowMs }).where('id', '=', id).execute()
    await db.deleteFrom('old_secrets').where('key_id', '=', id).execute()
    const after = { revokedAtMs: nowMs }
    const { name, teamId, expiresAtMs } = before
    const deed = { atMs: nowMs, actor, action: 'key.revoke', target: id }
    await noteDeed(db, { ...deed, before: { name, teamId, expiresAtMs, revokedAtMs: null }, after })
    return { ...before, ...after, overlapUntilMs: null }
  })
}

/** Deletes old secrets that have expired, and lets none open for longer than the new overlap. */
async function keepOldSecret(db: Db, id: string, nowMs: number, untilMs: number): Promise<void> {
  const select = db.selectFrom('api_keys').select('secret_hash').where('id', '=', id)
  const { secret_hash } = await select.executeTakeFirstOrThrow()
  await db
    .updateTable('old_secrets')
    .set({ until_ms: untilMs })
    .where('key_id', '=', id)
    .where('until_ms', '>', untilMs)
    .execute()
  await db
    .insertInto('old_secrets')
    .values({ secret_hash, key_id: id, until_ms: untilMs })
    .execute()
  await db.deleteFrom('old_secrets').where('until_ms', '<=', nowMs).execute()
}

async function existing(db: Db, id: string): Promise<StoredKey> {
  const key = await findKey({ db }, id)
  if (key === null) throw gone(id, 'does not exist')
  return key
}

async function unrevoked(db: Db, id: string): Promise<StoredKey> {
  const key = await existing(db, id)
  if (key.revokedAtMs !== null) throw gone(id, 'is revoked, and stays so')
  return key
}

/** The id comes from outside: a message repeats it only where it looks like one. */
function gone(id: string, why: string): Fault {
  const name = /^\w{1,64}$/.test(id) ? `The key ${id}` : 'The key that was named'
  return new Fault('not_found', { message: `${name} ${why}.` })
}
