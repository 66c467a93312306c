// What the ledger's thread and the event loop say to each other. An error is sent as its message
// and code, because the structured clone of an error loses the code.
import type { Batch, RefusedRow } from './commit.ts'
import type { LedgerFileOptions } from './ledger-file.ts'
import type { RetentionNews } from './retention.ts'

export interface ThreadGiven {
  options: LedgerFileOptions
  /** Shared with the thread: one number, the state of the latest batch. */
  batchState: Int32Array
}

export const batchStates = { sent: 1, taken: 2, revoked: 3 } as const

/** null: close the file and end. */
export type ToThread = Batch | null

export interface Problem {
  message: string
  code: string | null
}

export type FromThread =
  | { kind: 'opened' }
  | { kind: 'unopened'; problem: Problem }
  | {
      kind: 'written'
      refusals: readonly (Omit<RefusedRow, 'cause'> & { problem: Problem })[] | null
    }
  | { kind: 'not_written'; problem: Problem }
  | { kind: 'news'; news: Exclude<RetentionNews, { kind: 'failed' }> }
  | { kind: 'retention_failed'; problem: Problem }

export function problemOf(cause: unknown): Problem {
  if (!(cause instanceof Error)) return { message: String(cause), code: null }
  return { message: cause.message, code: 'code' in cause ? String(cause.code) : null }
}

export function errorOf({ message, code }: Problem): Error {
  const error = new Error(message)
  return code === null ? error : Object.assign(error, { code })
}
