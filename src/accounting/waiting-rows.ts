// Rows on their way into the file. All of one turn of the event loop go in one transaction. When
// the file refuses, they wait and are tried again; those that waited past `holdMs` have their calls
// told, once, and wait on as what their clients have seen. What waits is bounded.
import { type Clock, Fault, type Timer } from '#domain'
import type { Commit, LedgerRow } from './ledger-rows.ts'
import { withoutLedger } from './without-ledger.ts'

export interface WaitingRows {
  push(row: LedgerRow, waiter: Waiter): void
  count(): number
  /** Resolves when nothing waits any more; rejects when the file refuses for `holdMs`. */
  emptied(): Promise<void>
  stop(): void
}

export interface Waiter {
  resolve(): void
  reject(fault: Fault): void
}

export interface WaitingRowsOptions {
  clock: Clock
  holdMs: number
  rowsWaitingMax: number
  commit: Commit
  onWritten(rows: number): void
  /** Rows are being given up on, or refused because too many wait. */
  onTrouble(cause: unknown): void
}

interface Entry {
  row: LedgerRow
  waiter: Waiter
  sinceTicksMs: number
}

const retryEveryMs = 100
const rowsPerCommitMax = 1000

export function createWaitingRows(options: WaitingRowsOptions): WaitingRows {
  const { clock, holdMs, rowsWaitingMax, commit } = options
  let entries: Entry[] = []
  let sleepers: Waiter[] = []
  let isScheduled = false
  let isStopped = false
  let retry: Timer | null = null

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      // While the file refuses, only the timer tries: each try may stop the loop for a while.
      if (!isStopped && retry === null) write()
    })
  }

  function write(): void {
    const batch = entries.slice(0, rowsPerCommitMax)
    let refusals: ReadonlyMap<LedgerRow, unknown>
    try {
      refusals = commit(batch.map((entry) => entry.row))
    } catch (cause) {
      giveUpOnTheOld(cause)
      retry = clock.after(retryEveryMs, () => {
        retry = null
        write()
      })
      return
    }
    entries = entries.slice(batch.length)
    options.onWritten(batch.length)
    for (const { row, waiter } of batch) acknowledge(waiter, refusals, row)
    if (entries.length > 0) schedule()
    else for (const sleeper of wakeAll()) sleeper.resolve()
  }

  function giveUpOnTheOld(cause: unknown): void {
    const old = entries.filter((entry) => clock.ticksMs() - entry.sinceTicksMs >= holdMs)
    if (old.length === 0) return
    const fault = unavailable('The ledger could not be written.', cause)
    for (const entry of old) {
      const { row, waiter } = entry
      if (row.kind === 'call') entry.row = { kind: 'call', record: withoutLedger(row.record) }
      waiter.reject(fault)
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
    push(row, waiter) {
      if (isStopped) {
        waiter.reject(unavailable('The ledger is closed.'))
      } else if (entries.length >= rowsWaitingMax) {
        options.onTrouble(new Error(`${rowsWaitingMax} rows wait for the ledger.`))
        waiter.reject(unavailable('Too many rows wait for the ledger.'))
      } else {
        entries.push({ row, waiter, sinceTicksMs: clock.ticksMs() })
        schedule()
      }
    },
    count: () => entries.length,
    emptied() {
      if (entries.length === 0) return Promise.resolve()
      return new Promise((resolve, reject) => sleepers.push({ resolve, reject }))
    },
    stop() {
      isStopped = true
      retry?.cancel()
      const fault = unavailable('The ledger was closed before it could be written.')
      for (const { waiter } of entries) waiter.reject(fault)
      for (const sleeper of wakeAll()) sleeper.reject(fault)
    },
  }
}

/** A row that the table itself refuses is our own mistake, and must not hold up the others. */
function acknowledge(
  waiter: Waiter,
  refusals: ReadonlyMap<LedgerRow, unknown>,
  row: LedgerRow,
): void {
  if (!refusals.has(row)) {
    waiter.resolve()
    return
  }
  const message = 'The gateway could not account for this call.'
  waiter.reject(new Fault('internal', { message, cause: refusals.get(row), started: 'yes' }))
}

function unavailable(message: string, cause?: unknown): Fault {
  return new Fault('ledger_unavailable', { message, cause, started: 'yes' })
}
