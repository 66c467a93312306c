// What must be true of the data after every kill: both files are whole, and the ledger has exactly
// one row for each answer that was seen.
import Database from 'better-sqlite3'
import { ledgerPathOf, type StorageOptions } from '#src/storage/index.ts'

/** The command beside us may hold a file for a moment; a gateway could not wait so long. */
const busyTimeoutMs = 5000

/** What is wrong; nothing, when all is well. */
export function checkDatabases(storage: StorageOptions, seen: ReadonlySet<string>): string[] {
  const mistakes: string[] = []
  for (const path of [storage.path, ledgerPathOf(storage)]) {
    const connection = new Database(path, { readonly: true, timeout: busyTimeoutMs })
    try {
      const verdict = connection.pragma('integrity_check', { simple: true })
      if (verdict !== 'ok') mistakes.push(`${path} is damaged: ${verdict}`)
      if (path !== storage.path) mistakes.push(...rowMistakes(connection, seen))
    } finally {
      connection.close()
    }
  }
  return mistakes
}

function rowMistakes(connection: Database.Database, seen: ReadonlySet<string>): string[] {
  const select = connection.prepare<[], { id: string; rows: number }>(
    'select request_id as id, count(*) as rows from calls group by request_id',
  )
  const rowsById = new Map(select.all().map(({ id, rows }) => [id, rows]))
  return [...seen].flatMap((id) => {
    const rows = rowsById.get(id) ?? 0
    return rows === 1 ? [] : [`${rows} rows for ${id}`]
  })
}
