// Where batches of rows are given to be written. The gateway's is a thread, because a disk may take
// its time; a test that moves the clock by hand has it in its own thread, which that clock reaches.
import type { Clock } from '#domain'
import type { Batch, RefusedRow } from './commit.ts'
import { type LedgerFileOptions, openLedgerFile } from './ledger-file.ts'
import type { RetentionNews } from './retention.ts'

export interface LedgerWriter {
  /** Takes one batch at a time. Rejects when it is not known that the batch was written. */
  commit(batch: Batch): Promise<readonly RefusedRow[] | null>
  /** Withdraws the latest batch: it is not written, unless writing it has begun. */
  revoke(): void
  /** Ends within a bound that is its own, whatever the disk does. */
  close(): Promise<void>
}

export type LedgerNews =
  | RetentionNews
  /** The thread has ended by itself, and is started anew: told once until a batch was written. */
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
