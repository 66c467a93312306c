// Folds the ledger's journal into its file, never inside a commit: once a second, when much was
// written or when nothing was written lately. A checkpoint waits for the disk (an fsync), a commit
// does not; it also ends the time in which a power cut could take rows.
import type { Clock } from '#domain'
import type { SqliteConnection } from '#storage'

export interface JournalKeeper {
  wrote(rows: number): void
  stop(): void
}

interface CheckpointResult {
  /** Pages in the journal … */
  log: number
  /** … and how many of them are in the file by now: a long reader holds back the rest. */
  checkpointed: number
}

const lookEveryMs = 1000
const manyRows = 1000
const journalPagesMax = 16_384

export function keepJournalShort(connection: SqliteConnection, clock: Clock): JournalKeeper {
  let rows = 0
  let rowsLastLook = 0

  function look(): void {
    const isQuiet = rows === rowsLastLook
    if (rows >= manyRows || (rows > 0 && isQuiet)) checkpoint()
    rowsLastLook = rows
    timer.refresh()
  }

  function checkpoint(): void {
    try {
      const { log, checkpointed } = runCheckpoint(connection, 'PASSIVE')
      if (checkpointed >= log) rows = 0
      if (log > journalPagesMax) runCheckpoint(connection, 'TRUNCATE')
    } catch {
      // The journal itself is whole. If the disk is at fault, the next commit tells.
    }
  }

  const timer = clock.after(lookEveryMs, look)
  return {
    wrote(count) {
      rows += count
    },
    stop: () => timer.cancel(),
  }
}

function runCheckpoint(connection: SqliteConnection, mode: string): CheckpointResult {
  // SQLite answers with one row of these columns.
  const [result] = connection.pragma(`wal_checkpoint(${mode})`) as CheckpointResult[]
  return result ?? { log: 0, checkpointed: 0 }
}
