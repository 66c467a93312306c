// What writes batches of rows. The gateway's writer is a thread, because a disk may be slow. Tests
// that move a clock by hand write in their own thread, because that clock reaches no other.
import type { Clock } from '#domain'
import type { Batch, RefusedRow } from './commit.ts'
import { type LedgerFileOptions, openLedgerFile } from './ledger-file.ts'
import type { RetentionNews } from './retention.ts'

export interface LedgerWriter {
  /** Takes one batch at a time. Rejects when the batch was not, or may not have been, written. */
  commit(batch: Batch): Promise<readonly RefusedRow[] | null>
  /** Withdraws the latest batch: it is not written, unless writing has begun. */
  revoke(): void
  /** Ends within a bound of its own, whatever the disk does. */
  close(): Promise<void>
}

export type LedgerNews =
  | RetentionNews
  /** The thread ended by itself and is started anew. Told again only after a batch was written. */
  | { kind: 'thread_ended'; cause: unknown }

export interface WriterPorts {
  clock: Clock
  tell(news: LedgerNews): void
}

export async function openWriterHere(
  options: LedgerFileOptions,
  { clock, tell }: WriterPorts,
): Promise<LedgerWriter> {
  const file = openLedgerFile(options, clock, tell)
  return {
    commit: async (batch) => file.commit(batch),
    // `commit` writes at once, so there is never a batch left to withdraw.
    revoke: () => {},
    close: async () => file.close(),
  }
}
