// Rows on their way into the file. A batch is gathered for as long as each turn of the event loop
// brings more rows; those that come while it is being written are the next. When the file refuses,
// rows wait and are tried again. Those that waited past `holdMs` have their calls fail, once; they
// stay queued, rewritten to what the clients saw. What waits is bounded.
import { type Clock, Fault, type Timer } from '#domain'
import type { LedgerWriter, RefusedRow } from '#storage'
import { type LedgerRow, type Packed, pack } from './ledger-rows.ts'
import { withoutLedger } from './without-ledger.ts'

export interface WaitingRows {
  push(row: WaitingRow): void
  count(): number
  /** Resolves when no row waits any more; rejects when the file refuses for `holdMs`. */
  emptied(): Promise<void>
  stop(): void
}

interface Waiter {
  resolve(): void
  reject(fault: Fault): void
}

/**
 * A row, and who waits for it, in one object: each call makes two of these. When the row's call has
 * failed, `sinceTicksMs` becomes `givenUp`.
 */
type WaitingRow = LedgerRow & Waiter & { sinceTicksMs: number }

export interface WaitingRowsOptions {
  clock: Clock
  holdMs: number
  rowsWaitingMax: number
  writer: Pick<LedgerWriter, 'commit' | 'revoke'>
  onWritten(): void
  /** Rows are being given up on, or refused because too many wait. */
  onTrouble(cause: unknown): void
}

/** Becomes the start of a row's wait once its call has failed, so that it fails only once. */
const givenUp = Number.POSITIVE_INFINITY
const lookEveryMs = 100
const rowsPerBatchMax = 1000
/**
 * Each batch costs two changes of threads and a transaction. On one core the ledger's thread would
 * otherwise run after every turn: 7 calls a batch instead of 16, and a tenth more CPU for each.
 */
const gatherMsMax = 2

export function createWaitingRows(options: WaitingRowsOptions): WaitingRows {
  const { clock, holdMs, rowsWaitingMax, writer } = options
  /** The rows that are being written: none, or one batch. */
  let sent: WaitingRow[] = []
  let rows: WaitingRow[] = []
  /** So many of the first `rows` were in a batch that failed, but may have been written. */
  let sentBefore = 0
  let sleepers: (Waiter & { sinceTicksMs: number })[] = []
  /** Since when a batch is gathered, and its rows at the last look; null: no batch is gathered. */
  let gathering: { sinceTicksMs: number; rows: number } | null = null
  let isStopped = false
  /** The last batch failed: only the timer tries again, because a try may take long. */
  let isRefused = false
  let timer: Timer | null = null

  function gather(): void {
    if (gathering !== null) return
    gathering = { sinceTicksMs: clock.ticksMs(), rows: rows.length }
    setImmediate(turn)
  }

  function turn(): void {
    if (gathering === null || isStopped || isRefused || sent.length > 0 || rows.length === 0) {
      gathering = null
    } else if (rows.length > gathering.rows && isSoon(gathering.sinceTicksMs)) {
      gathering.rows = rows.length
      setImmediate(turn)
    } else {
      gathering = null
      send()
    }
  }

  function isSoon(sinceTicksMs: number): boolean {
    return clock.ticksMs() - sinceTicksMs < gatherMsMax
  }

  function send(): void {
    const isAgain = sentBefore > 0
    const size = Math.min(isAgain ? sentBefore : rows.length, rowsPerBatchMax)
    sent = size === rows.length ? rows : rows.slice(0, size)
    rows = size === rows.length ? [] : rows.slice(size)
    if (isAgain) sentBefore -= size
    const packed = pack(sent, isAgain, refuse)
    lookLater()
    writer.commit(packed.batch).then(
      (refusals) => written(packed, refusals),
      (cause) => failed(cause),
    )
  }

  function written(packed: Packed<WaitingRow>, refusals: readonly RefusedRow[] | null): void {
    sent = []
    isRefused = false
    for (const { table, at, cause } of refusals ?? []) {
      const row = packed[table][at]
      if (row !== undefined) refuse(row, cause)
    }
    options.onWritten()
    for (const row of packed.calls) row.resolve()
    if (isStopped) return
    if (rows.length > 0) gather()
    else if (sleepers.length > 0) for (const sleeper of wakeAll()) sleeper.resolve()
  }

  function failed(cause: unknown): void {
    sentBefore += sent.length
    rows = sent.concat(rows)
    sent = []
    isRefused = true
    if (isStopped) return
    giveUpOnTheOld(cause)
    lookLater()
  }

  function lookLater(): void {
    if (timer === null) timer = clock.after(lookEveryMs, look)
    else timer.refresh()
  }

  function look(): void {
    if (sent.length > 0) {
      giveUpOnTheOld(new Error('The ledger’s file has not taken a batch yet.'))
      lookLater()
    } else if (isRefused) send()
  }

  function giveUpOnTheOld(cause: unknown): void {
    const nowTicksMs = clock.ticksMs()
    const isOld = (one: { sinceTicksMs: number }) => nowTicksMs - one.sinceTicksMs >= holdMs
    const old = [...sent, ...rows].filter(isOld)
    // A batch behind a slow disk must not be written later as if its calls had not failed.
    if (old.length > 0 && sent.length > 0) writer.revoke()
    const fault = unavailable('The ledger could not be written.', cause)
    for (const row of old) {
      if (row.kind === 'call') row.record = withoutLedger(row.record)
      row.sinceTicksMs = givenUp
      row.reject(fault)
    }
    // Rows that were given up before are trouble only if the file refuses, not if it is slow.
    const isRefusedAgain = sent.length === 0 && rows.some((row) => row.sinceTicksMs === givenUp)
    const isTrouble = old.length > 0 || isRefusedAgain
    if (isTrouble) options.onTrouble(cause)
    if (!isTrouble && !sleepers.some(isOld)) return
    for (const sleeper of wakeAll()) sleeper.reject(fault)
  }

  function wakeAll(): readonly Waiter[] {
    const woken = sleepers
    sleepers = []
    return woken
  }

  return {
    push(row) {
      if (isStopped) {
        row.reject(unavailable('The ledger is closed.'))
      } else if (sent.length + rows.length >= rowsWaitingMax) {
        options.onTrouble(new Error(`${rowsWaitingMax} rows wait for the ledger.`))
        row.reject(unavailable('Too many rows wait for the ledger.'))
      } else {
        row.sinceTicksMs = clock.ticksMs()
        rows.push(row)
        gather()
      }
    },
    count: () => sent.length + rows.length,
    emptied() {
      if (sent.length + rows.length === 0) return Promise.resolve()
      const sinceTicksMs = clock.ticksMs()
      return new Promise((resolve, reject) => sleepers.push({ resolve, reject, sinceTicksMs }))
    },
    stop() {
      isStopped = true
      timer?.cancel()
      const fault = unavailable('The ledger was closed before it could be written.')
      for (const row of [...sent, ...rows]) row.reject(fault)
      for (const sleeper of wakeAll()) sleeper.reject(fault)
    },
  }
}

/** A row that its table refuses is our own mistake, and must not hold up the others. */
function refuse(row: WaitingRow, cause: unknown): void {
  const message = 'The gateway could not account for this call.'
  row.reject(new Fault('internal', { message, cause, started: 'yes' }))
}

function unavailable(message: string, cause?: unknown): Fault {
  return new Fault('ledger_unavailable', { message, cause, started: 'yes' })
}
