// Every accepted call ends in one row here, committed before the end of its answer leaves. So what
// a client saw survives a killed process. When the file cannot be written for longer than an answer
// may wait, the ledger is failing until a write succeeds again.
import {
  type AttemptRecord,
  type CallRecord,
  type Clock,
  Fault,
  ListenerSet,
  systemClock,
} from '#domain'
import { type LedgerNews, openWriterHere, openWriterInThread, type StorageOptions } from '#storage'
import { ledgerTables } from './ledger-rows.ts'
import { createWaitingRows } from './waiting-rows.ts'

export type LedgerState = 'ok' | 'failing'

export interface Ledger {
  /** Resolves once committed; rejects with a Fault `ledger_unavailable` after `ledgerHoldMs`. */
  append(record: CallRecord): Promise<void>
  appendAttempt(attempt: AttemptRecord): void
  state(): LedgerState
  onStateChange(listener: (state: LedgerState, cause: unknown) => void): Disposable
  /** Resolves when no row waits any more; rejects when the file refuses for `ledgerHoldMs`. */
  flush(): Promise<void>
  /** Flushes, folds the journal into the file and closes it. Rejects if rows were lost. */
  close(): Promise<void>
}

export interface LedgerOptions extends StorageOptions {
  rowsWaitingMax?: number
  /** Calls older than this are deleted; null: never. */
  ledgerDays?: number | null
  retentionAfterMs?: number
  /** Retention deleted calls or failed, or the thread has ended. */
  onNews?: (news: LedgerNews) => void
}

/** For rows and news that nobody waits for. */
const silence = () => {}

/** Rejects when the file cannot be opened. A clock of tests does not run in a thread. */
export async function openLedger(options: LedgerOptions, clock: Clock): Promise<Ledger> {
  const openWriter = clock === systemClock ? openWriterInThread : openWriterHere
  const writer = await openWriter(
    {
      path: options.path,
      ledgerPath: options.ledgerPath,
      ledgerSynchronous: options.ledgerSynchronous,
      busyTimeoutMs: options.busyTimeoutMs,
      tables: ledgerTables,
      ledgerDays: options.ledgerDays ?? null,
      retentionAfterMs: options.retentionAfterMs ?? 60_000,
    },
    { clock, tell: options.onNews ?? silence },
  )
  const listeners = new ListenerSet<[state: LedgerState, cause: unknown]>()
  let state: LedgerState = 'ok'
  let isClosed = false

  function turn(next: LedgerState, cause: unknown): void {
    if (state === next) return
    state = next
    listeners.tell(next, cause)
  }

  const waiting = createWaitingRows({
    clock,
    holdMs: options.ledgerHoldMs,
    rowsWaitingMax: options.rowsWaitingMax ?? 10_000,
    writer,
    onWritten: () => turn('ok', null),
    onTrouble: (cause) => turn('failing', cause),
  })

  return {
    append: (record) =>
      new Promise((resolve, reject) =>
        waiting.push({ kind: 'call', record, resolve, reject, sinceTicksMs: 0 }),
      ),
    appendAttempt: (record) =>
      waiting.push({
        kind: 'attempt',
        record,
        resolve: silence,
        reject: silence,
        sinceTicksMs: 0,
      }),
    state: () => state,
    onStateChange: (listener) => listeners.add(listener),
    flush: () => waiting.emptied(),
    async close() {
      if (isClosed) return
      isClosed = true
      // Everything is closed first; rows that could not be written are told last.
      await waiting.emptied().catch(() => {})
      waiting.stop()
      await writer.close()
      const lost = waiting.count()
      if (lost > 0) throw lostRows(lost)
    },
  }
}

function lostRows(rows: number): Fault {
  const message = `The ledger was closed with ${rows} rows that could not be written.`
  return new Fault('ledger_unavailable', { message, started: 'yes' })
}
