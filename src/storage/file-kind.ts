// Tells which of our databases a SQLite file is. New files say so in `application_id`; older ones
// have 0 there and are known by their first table. A file that is neither ours nor empty belongs to
// another program: it is refused and does not get our tables.
import type { Database } from 'better-sqlite3'

export type FileKind = 'registry' | 'ledger'

interface KindRule {
  /** Four letters, as `file` shows them: `PodR`, `PodL`. */
  applicationId: number
  firstTable: string
  /** The setting that names the file. */
  setBy: string
}

const kinds: Readonly<Record<FileKind, KindRule>> = {
  registry: {
    applicationId: 0x50_6f_64_52,
    firstTable: 'api_keys',
    setBy: 'SQLITE_DB_PATH (storage.path)',
  },
  ledger: { applicationId: 0x50_6f_64_4c, firstTable: 'calls', setBy: 'storage.ledgerPath' },
}

interface NamedFile {
  path: string
  kind: FileKind
}

/** Only reads: a refused file is not changed. */
export function refuseForeign(connection: Database, { path, kind }: NamedFile): void {
  const found = kindOf(connection)
  if (found === kind || found === 'empty') return
  const what = found === 'foreign' ? 'a database of another program' : `Podgate’s ${found}`
  throw new Error(
    `${path} is ${what}, not Podgate’s ${kind}: point ${kinds[kind].setBy} to another file.`,
  )
}

export function markAs(connection: Database, kind: FileKind): void {
  connection.pragma(`application_id = ${kinds[kind].applicationId}`)
}

function kindOf(connection: Database): FileKind | 'empty' | 'foreign' {
  const id = Number(connection.pragma('application_id', { simple: true }))
  const tables = connection
    .prepare<[], string>("select name from sqlite_master where type = 'table'")
    .pluck()
    .all()
  if (id === 0 && tables.length === 0) return 'empty'
  const names = ['registry', 'ledger'] as const
  const isKind = ({ applicationId, firstTable }: KindRule) =>
    id === 0 ? tables.includes(firstTable) : id === applicationId
  return names.find((name) => isKind(kinds[name])) ?? 'foreign'
}

/** Adds the file's path and kind to an error of the system or of SQLite. */
export function unopened({ path, kind }: NamedFile, cause: unknown): unknown {
  if (!(cause instanceof Error && 'code' in cause)) return cause
  const said = `${path}, Podgate’s ${kind}, cannot be opened: ${cause.message}.`
  return new Error(`${said} ${kinds[kind].setBy} says where it is.`, { cause })
}
