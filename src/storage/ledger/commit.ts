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
  /** The batch was given before, and some of its rows may have been written then. */
  isAgain: boolean
}

/** A row that its table refuses, whatever the state of the file. */
export interface RefusedRow {
  table: keyof LedgerTables
  /** Its number among the batch's rows of that table. */
  at: number
  cause: unknown
}

/** null, as a rule: no row was refused. Throws when nothing was written. */
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
  // A statement alone is a transaction of its own, and saves the two that would stand around it.
  return (batch) => (isOneRow(batch) ? write(batch) : commit.immediate(batch))
}
