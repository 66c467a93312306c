// Rows on their way into the file. All of one turn of the event loop go in one transaction. When
// the file refuses, they wait and are tried again; those that waited past `holdMs` have their calls
// told, once, and wait on as what their clients have seen. What waits is bounded.
import { type Clock, Fault, type Timer } from '#domain'
import type { Commit, LedgerRow, Refusals } from './ledger-rows.ts'
import { withoutLedger } from './without-ledger.ts'

export interface WaitingRows {
  push(row: WaitingRow): void
  count(): number
  /** Resolves when nothing waits any more; rejects when the file refuses for `holdMs`. */
  emptied(): Promise<void>
  stop(): void
}

interface Waiter {
  resolve(): void
  reject(fault: Fault): void
}

/** A row and whoever waits for it: one object, of which each call makes two. */
export type WaitingRow = LedgerRow & Waiter & { sinceTicksMs: number }

export interface WaitingRowsOptions {
  clock: Clock
  holdMs: number
  rowsWaitingMax: number
  commit: Commit
  onWritten(rows: number): void
  /** Rows are being given up on, or refused because too many wait. */
  onTrouble(cause: unknown): void
}

const retryEveryMs = 100
const rowsPerCommitMax = 1000

export function createWaitingRows(options: WaitingRowsOptions): WaitingRows {
  const { clock, holdMs, rowsWaitingMax, commit } = options
  let rows: WaitingRow[] = []
  let sleepers: Waiter[] = []
  let isScheduled = false
  let isStopped = false
  let retry: Timer | null = null

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(turn)
  }

  function turn(): void {
    isScheduled = false
    // While the file refuses, only the timer tries: each try may stop the loop for a while.
    if (!isStopped && retry === null) write()
  }

  function write(): void {
    const batch = rows.length > rowsPerCommitMax ? rows.slice(0, rowsPerCommitMax) : rows
    let refusals: Refusals
    try {
      refusals = commit(batch)
    } catch (cause) {
      giveUpOnTheOld(cause)
      retry = clock.after(retryEveryMs, () => {
        retry = null
        write()
      })
      return
    }
    rows = rows.slice(batch.length)
    options.onWritten(batch.length)
    for (const row of batch) acknowledge(row, refusals)
    if (rows.length > 0) schedule()
    else if (sleepers.length > 0) for (const sleeper of wakeAll()) sleeper.resolve()
  }

  function giveUpOnTheOld(cause: unknown): void {
    const old = rows.filter((row) => clock.ticksMs() - row.sinceTicksMs >= holdMs)
    if (old.length === 0) return
    const fault = unavailable('The ledger could not be written.', cause)
    for (const row of old) {
      if (row.kind === 'call') row.record = withoutLedger(row.record)
      row.reject(fault)
    }
    options.onTrouble(cause)
    for (const sleeper of wakeAll()) sleeper.reject(fault)
  }

  function wakeAll(): Waiter[] {
    const woken = sleepers
    sleepers = []
    return woken
  }

  return {
    push(row) {
      if (isStopped) {
        row.reject(unavailable('The ledger is closed.'))
      } else if (rows.length >= rowsWaitingMax) {
        options.onTrouble(new Error(`${rowsWaitingMax} rows wait for the ledger.`))
        row.reject(unavailable('Too many rows wait for the ledger.'))
      } else {
        row.sinceTicksMs = clock.ticksMs()
        rows.push(row)
        schedule()
      }
    },
    count: () => rows.length,
    emptied() {
      if (rows.length === 0) return Promise.resolve()
      return new Promise((resolve, reject) => sleepers.push({ resolve, reject }))
    },
    stop() {
      isStopped = true
      retry?.cancel()
      const fault = unavailable('The ledger was closed before it could be written.')
      for (const row of rows) row.reject(fault)
      for (const sleeper of wakeAll()) sleeper.reject(fault)
    },
  }
}

/** A row that the table itself refuses is our own mistake, and must not hold up the others. */
function acknowledge(row: WaitingRow, refusals: Refusals): void {
  if (refusals === null || !refusals.has(row)) {
    row.resolve()
    return
  }
  const message = 'The gateway could not account for this call.'
  row.reject(new Fault('internal', { message, cause: refusals.get(row), started: 'yes' }))
}

function unavailable(message: string, cause?: unknown): Fault {
  return new Fault('ledger_unavailable', { message, cause, started: 'yes' })
}
