// What the ledger's file says, read the way anybody can: from outside, while the gateway runs.
import Database from 'better-sqlite3'

export type Row = Record<string, string | number | null>

export function callRows(ledgerPath: string): Row[] {
  return rowsOf(ledgerPath, 'select * from calls order by received_at_ms, request_id')
}

/** Written when a place comes free: after the call's own row, or even before it. */
export function attemptRows(ledgerPath: string): Row[] {
  return rowsOf(ledgerPath, 'select * from attempts order by id')
}

function rowsOf(path: string, select: string): Row[] {
  const connection = new Database(path, { readonly: true, fileMustExist: true, timeout: 5000 })
  try {
    // The columns are the schema's, which its own tests check.
    return connection.prepare<[], Row>(select).all()
  } finally {
    connection.close()
  }
}
