// The ledger's file and the work on it: rows are committed, the journal is folded into the file,
// and old calls are deleted. `commit` and `close` block their caller for as long as the disk takes.
import type { Clock } from '#domain'
import { unopened } from '../file-kind.ts'
import { type LedgerOpening, ledgerPathOf, openLedgerDatabase } from '../ledger-database.ts'
import type { SqliteConnection } from '../sqlite-file.ts'
import { keepJournalShort } from './checkpoints.ts'
import { type Batch, type LedgerTables, prepareCommit, type RefusedRow } from './commit.ts'
import { keepRetention, type RetentionNews } from './retention.ts'

/** Plain data: it is sent to a thread. */
export interface LedgerFileOptions extends LedgerOpening {
  tables: LedgerTables
  /** Calls older than this are deleted; null: never. */
  ledgerDays: number | null
  /** From the start to the first look for such calls. */
  retentionAfterMs: number
  /** An earlier thread of this process distrusted the clock, so this one must not delete either. */
  isRetentionRefused?: boolean
}

export interface LedgerFile {
  /** Throws when nothing was written. */
  commit(batch: Batch): readonly RefusedRow[] | null
  /** Folds the journal into the file and closes it. */
  close(): void
}

export function openLedgerFile(...given: Parameters<typeof opened>): LedgerFile {
  try {
    return opened(...given)
  } catch (cause) {
    throw unopened({ path: ledgerPathOf(given[0]), kind: 'ledger' }, cause)
  }
}

function opened(
  options: LedgerFileOptions,
  clock: Clock,
  tell: (news: RetentionNews) => void,
): LedgerFile {
  // Where a later step throws, the file is closed and the timers are cancelled.
  using opening = new DisposableStack()
  const connection = opening.adopt(openLedgerDatabase(options), (one) => void one.close())
  const commit = prepareCommit(connection, options.tables)
  const journal = opening.adopt(keepJournalShort(connection, clock), (one) => one.stop())
  const { ledgerDays: days, retentionAfterMs: firstLookMs } = options
  const beginning = { firstLookMs, isRefused: options.isRetentionRefused ?? false }
  const onDeleted = journal.wrote
  const retention =
    days === null
      ? null
      : opening.use(keepRetention(connection, { ...beginning, clock, days, onDeleted, tell }))
  opening.move()

  return {
    commit(batch) {
      const refusals = commit(batch)
      journal.wrote(rowsOf(batch, options.tables))
      return refusals
    },
    close() {
      journal.stop()
      retention?.[Symbol.dispose]()
      closeFile(connection)
    },
  }
}

function rowsOf(batch: Batch, tables: LedgerTables): number {
  const calls = batch.calls.length / tables.calls.names.length
  return calls + batch.attempts.length / tables.attempts.names.length
}

function closeFile(connection: SqliteConnection): void {
  try {
    connection.pragma('wal_checkpoint(TRUNCATE)')
  } catch {
    // The rows are safe in the journal: the next start reads it.
  }
  connection.close()
}
