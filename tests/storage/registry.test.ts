// The registry's file: where it is, which files are refused, and what a connection notices of
// others that write to it or lock it.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import {
  ledgerPathOf,
  openLedgerDatabase,
  openLedgerReader,
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

test('a transaction that finds the file locked, or its disk full, says so', async () => {
  const options = temporaryStorage({ busyTimeoutMs: 0 })
  const [one, other] = [await open(options), await open(options)]
  const insert = () =>
    other.transaction(async (db) => void (await db.insertInto('api_keys').values(row).execute()))
  await one.transaction(async () => {
    await expect(insert()).rejects.toMatchObject({
      kind: 'registry_unavailable',
      message: expect.stringMatching(/another process holds it\.$/),
      cause: { code: 'SQLITE_BUSY' },
    })
  })
  await insert()
  await expect(insert()).rejects.toThrow(/UNIQUE/)
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

test.each([
  { path: ':memory:' },
  { path: ' ' },
  { path: 'podgate.db', ledgerPath: ':memory:' },
  { path: 'data/podgate.db', ledgerPath: 'data/../data/podgate.db' },
])('refuses %j, where something would be lost', (given) => {
  expect(storageOptions.safeParse(given).success).toBe(false)
})

const openers = {
  registry: async (options: StorageOptions) => await (await openRegistry(options)).close(),
  ledger: async (options: StorageOptions) => void openLedgerDatabase(options).close(),
  reader: async (options: StorageOptions) => void openLedgerReader(options).close(),
}

/** Both point to the same file: what it is told apart by is in the file itself. */
function atPath(path: string): StorageOptions {
  return { ...temporaryStorage(), path, ledgerPath: path }
}

function databaseOf(...statements: string[]): string {
  const path = join(temporaryFolder(), 'some.db')
  const db = new Database(path)
  for (const statement of statements) db.exec(statement)
  db.close()
  return path
}

const foreign = ['create table notes (text)', 'pragma user_version = 1']

test.each<[keyof typeof openers, string, () => Promise<string> | string, RegExp]>([
  ['registry', 'a ledger', made('ledger'), /is Podgate’s ledger, not Podgate’s registry: .*SQLITE/],
  ['ledger', 'a registry', made('registry'), /is Podgate’s registry, .*storage\.ledgerPath/],
  ['reader', 'a registry', made('registry'), /is Podgate’s registry, .*storage\.ledgerPath/],
  ['registry', 'a foreign file', () => databaseOf(...foreign), /a database of another program/],
  ['ledger', 'a foreign file', () => databaseOf(...foreign), /a database of another program/],
  [
    'registry',
    'a file that says so',
    () => databaseOf('create table api_keys (id)', 'pragma application_id = 7'),
    /a database of another program/,
  ],
  ['reader', 'an empty file', () => databaseOf(), /is empty: a gateway fills it/],
])('the %s refuses %s by name, and leaves it as it is', async (opener, _what, file, says) => {
  const path = await file()
  const before = readFileSync(path)
  await expect(openers[opener](atPath(path))).rejects.toThrow(says)
  expect(readFileSync(path)).toEqual(before)
})

function made(kind: 'registry' | 'ledger'): () => Promise<string> {
  return async () => {
    const path = join(temporaryFolder(), 'some.db')
    await openers[kind](atPath(path))
    return path
  }
}

test.each([
  ['no database', (path: string) => writeFileSync(path, 'text'.repeat(100)), /not a database/],
  ['a folder', (path: string) => mkdirSync(path), /EISDIR/],
])('what is %s is told with its path and what sets it', async (_what, put, says) => {
  const path = join(temporaryFolder(), 'some.db')
  put(path)
  const opening = openers.registry(atPath(path))
  await expect(opening).rejects.toThrow(says)
  await expect(opening).rejects.toThrow(`${path}, Podgate’s registry, cannot be opened: `)
  await expect(opening).rejects.toThrow(/SQLITE_DB_PATH \(storage\.path\) says where it is\.$/)
})

test('a folder that cannot be made is told the same way', async () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  await expect(openers.registry(atPath(join(file, 'podgate.db')))).rejects.toThrow(
    /cannot be opened: EEXIST.* SQLITE_DB_PATH/,
  )
})
