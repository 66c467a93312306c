// Opens a SQLite file in the way that all of ours are opened. The folder is made if it is missing,
// and only the owner can read the file. It is in WAL mode, so readers and a writer do not stop each
// other, and is brought to the schema that this code knows. Migrations only go forward; their
// number is kept in `user_version`. A file of another kind is refused and not changed.
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { type FileKind, markAs, refuseForeign, unopened } from './file-kind.ts'

export type SqliteConnection = Database.Database

/** The statements of one step forward. Once released, a step is never changed. */
export type Migration = readonly string[]

export interface SqliteFile {
  path: string
  kind: FileKind
  synchronous: 'normal' | 'full'
  busyTimeoutMs: number
  migrations: readonly Migration[]
}

export function openSqliteFile(file: SqliteFile): SqliteConnection {
  const open = () => {
    createPrivately(file.path)
    return new Database(file.path, { timeout: file.busyTimeoutMs })
  }
  return opened(file, open, (connection) => {
    connection.pragma('journal_mode = WAL')
    connection.pragma(`synchronous = ${file.synchronous}`)
    connection.pragma('foreign_keys = ON')
    migrate(connection, file)
  })
}

/** For reports: never writes, and works while a gateway uses the file. */
export function openSqliteReader(file: Omit<SqliteFile, 'synchronous'>): SqliteConnection {
  const options = { readonly: true, fileMustExist: true, timeout: file.busyTimeoutMs }
  const open = () => new Database(file.path, options)
  return opened(file, open, (connection) => {
    const version = versionOf(connection)
    refuseNewer(version, file)
    if (version === 0) throw new Error(`${file.path} is empty: a gateway fills it when it starts.`)
  })
}

/** A connection that cannot be made ready is closed again. */
function opened(
  file: Pick<SqliteFile, 'path' | 'kind'>,
  open: () => SqliteConnection,
  makeReady: (connection: SqliteConnection) => void,
): SqliteConnection {
  try {
    using opening = new DisposableStack()
    const connection = opening.adopt(open(), (one) => void one.close())
    refuseForeign(connection, file)
    makeReady(connection)
    opening.move()
    return connection
  } catch (cause) {
    throw unopened(file, cause)
  }
}

/** SQLite gives its journal files the mode of the database file, so only that one is made. */
function createPrivately(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

function migrate(connection: SqliteConnection, file: SqliteFile): void {
  if (versionOf(connection) === file.migrations.length) return
  // The version is read again under the write lock: another process may have been faster.
  const stepForward = connection.transaction(() => {
    const version = versionOf(connection)
    refuseNewer(version, file)
    for (const statements of file.migrations.slice(version)) {
      for (const statement of statements) connection.exec(statement)
    }
    connection.pragma(`user_version = ${file.migrations.length}`)
    markAs(connection, file.kind)
  })
  stepForward.immediate()
}

function versionOf(connection: SqliteConnection): number {
  return Number(connection.pragma('user_version', { simple: true }))
}

function refuseNewer(version: number, file: Pick<SqliteFile, 'path' | 'migrations'>): void {
  if (version <= file.migrations.length) return
  throw new Error(
    `${file.path} was written by a newer Podgate (schema ${version}, this one knows ` +
      `${file.migrations.length}): run the newer version, or point to another file.`,
  )
}
