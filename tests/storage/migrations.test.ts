// Databases of every earlier version, as their code made them (tests/golden/storage/, one file for
// each version that was released), are opened by this one: nothing in them is lost, and what comes
// of it is what a new database is.
import { readdirSync, readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  ledgerPathOf,
  openLedgerDatabase,
  openLedgerReader,
  openRegistry,
  type StorageOptions,
} from '#src/storage/index.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const folder = 'tests/golden/storage'
const kinds = ['registry', 'ledger'] as const
type Kind = (typeof kinds)[number]

const earlier = readdirSync(folder).flatMap((name) => {
  const [, kind, version] = /^(registry|ledger)-(\d+)\.sql$/.exec(name) ?? []
  const found = kinds.find((one) => one === kind)
  return found === undefined ? [] : [{ kind: found, version: Number(version) }]
})

/** Opens it as a gateway does, which brings it forward, and closes it again. */
async function open(kind: Kind, options: StorageOptions): Promise<void> {
  if (kind === 'ledger') openLedgerDatabase(options).close()
  else await (await openRegistry(options)).close()
}

function pathOf(kind: Kind, options: StorageOptions): string {
  return kind === 'ledger' ? ledgerPathOf(options) : options.path
}

function look<T>(path: string, read: (db: Database.Database) => T): T {
  const db = new Database(path, { readonly: true })
  try {
    return read(db)
  } finally {
    db.close()
  }
}

/** Columns, indexes and triggers by name: their order and their wording do not matter. */
function shapeOf(path: string): unknown {
  return look(path, (db) => ({
    columns: db
      .prepare(
        `select m.name as tbl, c.name, c.type, c."notnull", c.dflt_value, c.pk
        from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table'
        order by m.name, c.name`,
      )
      .all(),
    others: db
      .prepare(
        `select type, name, tbl_name, sql from sqlite_master where type <> 'table' order by name`,
      )
      .all(),
  }))
}

function versionOf(path: string): number {
  return look(path, (db) => Number(db.pragma('user_version', { simple: true })))
}

function oldDatabase({ kind, version }: { kind: Kind; version: number }): StorageOptions {
  const options = temporaryStorage()
  const db = new Database(pathOf(kind, options))
  db.exec(readFileSync(`${folder}/${kind}-${version}.sql`, 'utf8'))
  db.close()
  return options
}

test.each(kinds)('every earlier version of the %s is here', async (kind) => {
  const options = temporaryStorage()
  await open(kind, options)
  const versions = earlier.filter((one) => one.kind === kind).map(({ version }) => version)
  const latest = versionOf(pathOf(kind, options))
  expect(versions.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: latest - 1 }, (_, index) => index + 1),
  )
})

describe.each(earlier)('a $kind of version $version', (old) => {
  test('becomes what a new one is', async () => {
    const [options, fresh] = [oldDatabase(old), temporaryStorage()]
    await open(old.kind, options)
    await open(old.kind, fresh)
    expect(shapeOf(pathOf(old.kind, options))).toEqual(shapeOf(pathOf(old.kind, fresh)))
    expect(versionOf(pathOf(old.kind, options))).toBe(versionOf(pathOf(old.kind, fresh)))
  })

  test('keeps every row as it was', async () => {
    const options = oldDatabase(old)
    const path = pathOf(old.kind, options)
    const before = rowsOf(path)
    expect(before.size).toBeGreaterThan(0)
    await open(old.kind, options)
    const after = rowsOf(path)
    for (const [table, rows] of before) {
      expect(rows.length, table).toBeGreaterThan(0)
      expect(after.get(table), table).toMatchObject(rows)
    }
  })

  test('is whole afterwards, and opening it again changes nothing', async () => {
    const options = oldDatabase(old)
    const path = pathOf(old.kind, options)
    await open(old.kind, options)
    const after = rowsOf(path)
    await open(old.kind, options)
    expect(rowsOf(path)).toEqual(after)
    expect(look(path, (db) => db.pragma('integrity_check', { simple: true }))).toBe('ok')
    expect(look(path, (db) => db.pragma('foreign_key_check'))).toEqual([])
  })
})

function rowsOf(path: string): Map<string, Record<string, unknown>[]> {
  return look(path, (db) => {
    const tables = db
      .prepare<[], string>(
        `select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`,
      )
      .pluck()
    return new Map(
      tables.all().map((table) => {
        const rows = db.prepare<[], Record<string, unknown>>(`select * from ${table} order by 1`)
        return [table, rows.all()]
      }),
    )
  })
}

test('keys of the first version may call, and not administer', async () => {
  const options = oldDatabase({ kind: 'registry', version: 1 })
  const registry = await openRegistry(options)
  onTestFinished(() => registry.close())
  const rows = await registry.db.selectFrom('api_keys').select('scopes_json').execute()
  expect(rows.map((row) => JSON.parse(row.scopes_json))).toEqual([
    ['chat', 'embeddings'],
    ['chat', 'embeddings'],
  ])
})

test('keys of before may use no third party, and models are routed as they were', async () => {
  const registry = await openRegistry(oldDatabase({ kind: 'registry', version: 4 }))
  onTestFinished(() => registry.close())
  const keys = await registry.db.selectFrom('api_keys').select('third_party').execute()
  expect(keys).toEqual([{ third_party: 0 }])
  const models = await registry.db.selectFrom('models').select('routing').execute()
  expect(models).toEqual([{ routing: 'order' }, { routing: 'order' }])
})

test('a deployment of before that was never asked and has a key of its own is a third party', async () => {
  const registry = await openRegistry(oldDatabase({ kind: 'registry', version: 4 }))
  onTestFinished(() => registry.close())
  const columns = ['id', 'third_party', 'weight', 'first_byte_ms', 'warm_for_ms'] as const
  const rows = await registry.db.selectFrom('deployments').select(columns).orderBy('id').execute()
  const usual = { weight: 1, first_byte_ms: null, warm_for_ms: null }
  expect(rows).toEqual([
    { id: 'bge-here', third_party: 0, ...usual },
    { id: 'phi-2-here', third_party: 0, ...usual },
    { id: 'phi-2-provider', third_party: 1, ...usual },
    { id: 'phi-2-there', third_party: 0, ...usual },
  ])
})

test('a step that fails leaves the old version whole', async () => {
  const options = oldDatabase({ kind: 'ledger', version: 1 })
  const path = ledgerPathOf(options)
  const db = new Database(path)
  db.exec('drop trigger attempts_refuse_delete')
  db.close()
  const before = shapeOf(path)
  expect(() => openLedgerDatabase(options)).toThrow(/no such trigger/)
  expect(versionOf(path)).toBe(1)
  expect(shapeOf(path)).toEqual(before)
})

test('a reader refuses a ledger that newer code has written, too', () => {
  const options = temporaryStorage()
  openLedgerDatabase(options).close()
  const db = new Database(ledgerPathOf(options))
  db.pragma('user_version = 99')
  db.close()
  expect(() => openLedgerReader(options)).toThrow(/was written by a newer Podgate \(schema 99/)
})
