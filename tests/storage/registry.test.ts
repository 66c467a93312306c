import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import {
  ledgerPathOf,
  openLedgerDatabase,
  openRegistry,
  type Registry,
  type StorageOptions,
  storageOptions,
} from '#src/storage/index.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function open(options: StorageOptions): Promise<Registry> {
  const registry = await openRegistry(options)
  onTestFinished(() => registry.close())
  return registry
}

const row = {
  id: 'key_1',
  secret_hash: 'h',
  name: 'one',
  team_id: null,
  models_json: null,
  requests_per_minute: null,
  created_at_ms: 1_700_000_000_000,
  expires_at_ms: null,
  revoked_at_ms: null,
}

test('makes its folder and keeps its files to their owner', async () => {
  const path = join(temporaryFolder(), 'deep', 'er', 'podgate.db')
  const registry = await open(storageOptions.parse({ path }))
  await registry.db.insertInto('api_keys').values(row).execute()
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
})

test('keeps what was written when it is opened again', async () => {
  const options = temporaryStorage()
  const first = await openRegistry(options)
  await first.db.insertInto('api_keys').values(row).execute()
  await first.close()
  const again = await open(options)
  expect(await again.db.selectFrom('api_keys').selectAll().execute()).toMatchObject([row])
})

test.each(['registry', 'ledger'])('refuses a %s that newer code has written', async (which) => {
  const options = temporaryStorage()
  const path = which === 'registry' ? options.path : ledgerPathOf(options)
  const newer = new Database(path)
  newer.pragma('user_version = 99')
  newer.close()
  const opening = async () =>
    which === 'registry' ? await openRegistry(options) : openLedgerDatabase(options)
  await expect(opening()).rejects.toThrow(
    /^\S+ was written by a newer Podgate \(schema 99, this one knows \d\): run the newer version/,
  )
})

test('notices what another connection and what it itself has committed', async () => {
  const options = temporaryStorage()
  const [one, other] = [await open(options), await open(options)]
  const before = one.changeCounter()
  expect(one.changeCounter()).toBe(before)
  await other.db.insertInto('api_keys').values(row).execute()
  const afterOther = one.changeCounter()
  expect(afterOther).not.toBe(before)
  await one.db.updateTable('api_keys').set({ name: 'two' }).execute()
  expect(one.changeCounter()).not.toBe(afterOther)
})

test('undoes all of a transaction that fails', async () => {
  const registry = await open(temporaryStorage())
  const failing = registry.transaction(async (db) => {
    await db.insertInto('api_keys').values(row).execute()
    throw new Error('half way')
  })
  await expect(failing).rejects.toThrow('half way')
  expect(await registry.db.selectFrom('api_keys').selectAll().execute()).toEqual([])
})

test('holds the write lock from the beginning of a transaction', async () => {
  const options = temporaryStorage({ busyTimeoutMs: 0 })
  const [one, other] = [await open(options), await open(options)]
  await one.transaction(async (db) => {
    await db.selectFrom('api_keys').selectAll().execute()
    await expect(other.db.insertInto('api_keys').values(row).execute()).rejects.toThrow(/locked/)
    await db.insertInto('api_keys').values(row).execute()
  })
  expect(await other.db.selectFrom('api_keys').select('id').execute()).toEqual([{ id: 'key_1' }])
})

test('never lets a locked database stop the event loop for longer than 50 ms', () => {
  expect(storageOptions.safeParse({ busyTimeoutMs: 51 }).success).toBe(false)
  expect(storageOptions.parse({}).busyTimeoutMs).toBe(50)
})

test.each([
  ['data/podgate.db', null, 'data/podgate-ledger.db'],
  ['/var/lib/gate.sqlite', null, '/var/lib/gate-ledger.sqlite'],
  ['gate', null, 'gate-ledger.db'],
  ['data/podgate.db', '/fast/ledger.db', '/fast/ledger.db'],
])('puts the ledger of %s, if told %s, at %s', (path, ledgerPath, expected) => {
  expect(ledgerPathOf({ path, ledgerPath })).toBe(expected)
})
