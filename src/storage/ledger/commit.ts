// Writes a batch of rows: all of them in one transaction, or none.
import type { SqliteConnection } from '../sqlite-file.ts'
import { createTableWriter, type SqlValue, type TableColumns } from './table-writer.ts'

export interface LedgerTables {
  calls: TableColumns
  attempts: TableColumns
}

/** The values of all rows, one row after the other, each in the order of its table's columns. */
export interface Batch {
  calls: SqlValue[]
  attempts: SqlValue[]
  /** The batch was given before, so some of its rows may be there already. */
  isAgain: boolean
}

/** A row that its table refuses because of its values. The file is well. */
export interface RefusedRow {
  table: keyof LedgerTables
  /** The number of the row among the batch's rows of that table. */
  at: number
  cause: unknown
}

/** Returns the refused rows; null, which is usual: none. Throws when nothing was written. */
export type Commit = (batch: Batch) => readonly RefusedRow[] | null

export function prepareCommit(connection: SqliteConnection, tables: LedgerTables): Commit {
  const writers = {
    calls: createTableWriter(connection, tables.calls),
    attempts: createTableWriter(connection, tables.attempts),
  }

  const write: Commit = (batch) => {
    let refusals: RefusedRow[] | null = null
    for (const table of ['calls', 'attempts'] as const) {
      const refuse = (at: number, cause: unknown) => {
        refusals ??= []
        refusals.push({ table, at, cause })
      }
      const writer = writers[table]
      if (batch.isAgain) writer.writeMissing(batch[table], refuse)
      else writer.write(batch[table], refuse)
    }
    return refusals
  }

  const isOneRow = ({ calls, attempts }: Batch) =>
    calls.length === 0
      ? attempts.length === tables.attempts.names.length
      : calls.length === tables.calls.names.length && attempts.length === 0
  const commit = connection.transaction(write)
  // One statement is a transaction by itself: `begin` and `commit` are saved.
  return (batch) => (isOneRow(batch) ? write(batch) : commit.immediate(batch))
}
