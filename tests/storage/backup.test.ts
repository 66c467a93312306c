// Copies of the databases, taken while others write.
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '#src/accounting/index.ts'
import { systemClock } from '#src/domain/index.ts'
import { createKey } from '#src/keys/index.ts'
import { backupDatabases, openRegistry, type StorageOptions } from '#src/storage/index.ts'
import { sampleKey } from '../support/chat-call.ts'
import { sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const { id: _id, ...terms } = sampleKey

async function given(changes: Partial<StorageOptions> = {}) {
  const storage = temporaryStorage(changes)
  const registry = await openRegistry(storage)
  const ledger = await openLedger(storage, systemClock)
  onTestFinished(async () => {
    await ledger.close()
    await registry.close()
  })
  await createKey(registry, terms, 'cli')
  await ledger.append(sampleCall())
  return { storage, registry, ledger, folder: join(temporaryFolder(), 'backup') }
}

function rows(path: string, table: string): number {
  const db = new Database(path, { readonly: true })
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    return Number(db.prepare(`select count(*) from ${table}`).pluck().get())
  } finally {
    db.close()
  }
}

test('holds what was committed, journal included, while both are open', async () => {
  const { storage, folder } = await given()
  const files = await backupDatabases(storage, folder)
  expect(files.map(({ path }) => path)).toEqual([
    join(folder, 'podgate.db'),
    join(folder, 'podgate-ledger.db'),
  ])
  expect(readdirSync(folder).toSorted()).toEqual(['podgate-ledger.db', 'podgate.db'])
  expect(rows(join(folder, 'podgate.db'), 'api_keys')).toBe(1)
  expect(rows(join(folder, 'podgate-ledger.db'), 'calls')).toBe(1)
  for (const { path, bytes } of files) {
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(path).size).toBe(bytes)
  }
})

test('ends although the ledger never stops growing, and is one moment of it', async () => {
  const { storage, ledger, folder } = await given()
  let isOver = false
  let written = 1
  const writing = (async () => {
    while (!isOver) {
      await ledger.append(sampleCall({ requestId: `req_more_${written}` }))
      written += 1
    }
  })()
  const before = written
  await backupDatabases(storage, folder)
  isOver = true
  await writing
  const copied = rows(join(folder, 'podgate-ledger.db'), 'calls')
  expect(copied).toBeGreaterThanOrEqual(before)
  expect(copied).toBeLessThanOrEqual(written)
})

test('a restored copy is a registry that works', async () => {
  const { storage, folder } = await given()
  await backupDatabases(storage, folder)
  const restored = await openRegistry({ ...storage, path: join(folder, 'podgate.db') })
  onTestFinished(() => restored.close())
  await createKey(restored, terms, 'cli')
  expect(await restored.db.selectFrom('api_keys').select('id').execute()).toHaveLength(2)
})

test('never overwrites a copy, and then makes none at all', async () => {
  const { storage, folder } = await given()
  await backupDatabases(storage, folder)
  rmSync(join(folder, 'podgate.db'))
  await expect(backupDatabases(storage, folder)).rejects.toThrow(/is there already/)
  expect(readdirSync(folder)).toEqual(['podgate-ledger.db'])
})

test('a copy that broke off is no obstacle and has no name', async () => {
  const { storage } = await given()
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'podgate.db.part'), 'half')
  await backupDatabases(storage, folder)
  expect(existsSync(join(folder, 'podgate.db.part'))).toBe(false)
  expect(rows(join(folder, 'podgate.db'), 'api_keys')).toBe(1)
})

test('a damaged database is told, and its copy gets no name', async () => {
  const storage = temporaryStorage()
  const registry = await openRegistry(storage)
  await createKey(registry, terms, 'cli')
  await registry.close()
  // Its last page, which nothing reads on the way to a copy.
  const bytes = readFileSync(storage.path)
  writeFileSync(storage.path, bytes.fill(0xff, bytes.length - 4096))
  const folder = temporaryFolder()
  await expect(backupDatabases(storage, folder)).rejects.toThrow(/podgate\.db is damaged: /)
  expect(existsSync(join(folder, 'podgate.db'))).toBe(false)
})

test('without a database it says where it looked, and makes no folder', async () => {
  const storage = temporaryStorage()
  const folder = join(temporaryFolder(), 'none')
  await expect(backupDatabases(storage, folder)).rejects.toThrow(/There is no database at .*db\./)
  expect(existsSync(folder)).toBe(false)
})

test('two databases of one name from two folders are two copies', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'reg', 'podgate.db')
  const ledgerPath = join(folder, 'led', 'podgate.db')
  const { storage, folder: copies } = await given({ path, ledgerPath })
  const files = await backupDatabases(storage, copies)
  expect(files.map((file) => [file.from, file.path])).toEqual([
    [path, join(copies, 'podgate.db')],
    [ledgerPath, join(copies, 'podgate-ledger.db')],
  ])
  expect(rows(join(copies, 'podgate.db'), 'api_keys')).toBe(1)
  expect(rows(join(copies, 'podgate-ledger.db'), 'calls')).toBe(1)
})
