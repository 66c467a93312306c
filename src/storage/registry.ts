// The registry: keys and models, in typed queries. No call reads it: rooms keep a snapshot in
// memory and compare the change counter to know when to read again.
import { CompiledQuery, Kysely, SqliteDialect } from 'kysely'
import { Fault } from '#domain'
import type { StorageOptions } from './options.ts'
import { type RegistryTables, registryMigrations } from './registry-tables.ts'
import { openSqliteFile, type SqliteConnection } from './sqlite-file.ts'

export interface Registry {
  readonly db: Kysely<RegistryTables>
  /** Moves with every committed change, whichever process made it. */
  changeCounter(): number
  /** Makes all changes of `work` or none. */
  transaction<T>(work: (db: Kysely<RegistryTables>) => Promise<T>): Promise<T>
  close(): Promise<void>
}

type RegistryOptions = Pick<StorageOptions, 'path' | 'busyTimeoutMs'>

export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const connection = openSqliteFile({
    path: options.path,
    kind: 'registry',
    // Changes are rare and made by people, and a key that was shown must survive a power cut.
    synchronous: 'full',
    busyTimeoutMs: options.busyTimeoutMs,
    migrations: registryMigrations(compilingOnly()),
  })
  const db = new Kysely<RegistryTables>({ dialect: new SqliteDialect({ database: connection }) })
  return {
    db,
    changeCounter: changeCounterOf(connection),
    transaction: (work) =>
      db
        .connection()
        .execute((one) => inTransaction(connection, one, work))
        .catch((cause) => Promise.reject(asUnavailable(cause))),
    async close() {
      await db.destroy()
      // Kysely closes only what it has used.
      connection.close()
    },
  }
}

/** Kysely connects with its first query, and the text of a migration is only compiled. */
function compilingOnly(): Kysely<RegistryTables> {
  return new Kysely<RegistryTables>({
    dialect: new SqliteDialect({
      database: () => Promise.reject(new Error('This one only compiles.')),
    }),
  })
}

/** `data_version` tells of other connections' commits, `total_changes` of our own. */
function changeCounterOf(connection: SqliteConnection): () => number {
  const own = connection.prepare<[], number>('select total_changes()').pluck()
  return () => Number(connection.pragma('data_version', { simple: true })) + Number(own.get())
}

/**
 * Kysely's own transaction begins as a reader, and a reader that turns writer after someone else
 * wrote is refused at once, whatever the busy timeout. This one takes the write lock first.
 */
async function inTransaction<T>(
  connection: SqliteConnection,
  db: Kysely<RegistryTables>,
  work: (db: Kysely<RegistryTables>) => Promise<T>,
): Promise<T> {
  await db.executeQuery(CompiledQuery.raw('begin immediate'))
  try {
    const result = await work(db)
    await db.executeQuery(CompiledQuery.raw('commit'))
    return result
  } catch (cause) {
    // A full disk ends the transaction by itself. Then a rollback would fail and hide its error.
    if (connection.inTransaction) await db.executeQuery(CompiledQuery.raw('rollback'))
    throw cause
  }
}

const retryAfterMs = 1_000

/** By SQLite's own codes. Any other error is a mistake of ours and is passed on. */
const troubles: readonly [RegExp, string][] = [
  [/^SQLITE_(BUSY|LOCKED)/, 'another process holds it'],
  [/^SQLITE_FULL/, 'its disk is full'],
  [/^SQLITE_READONLY/, 'its file can only be read'],
  [/^SQLITE_IOERR/, 'its disk fails'],
]

function asUnavailable(cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const [, why] = troubles.find(([codes]) => codes.test(code)) ?? []
  if (why === undefined) return cause
  const message = `Nothing was changed: the registry cannot be written now, ${why}.`
  return new Fault('registry_unavailable', { message, cause, retryAfterMs })
}
