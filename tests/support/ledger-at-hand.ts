// A ledger on a fake clock, with a second connection that looks at its rows or locks its file.
import Database from 'better-sqlite3'
import { onTestFinished } from 'vitest'
import { type Ledger, type LedgerOptions, openLedger } from '#src/accounting/index.ts'
import type { CallRecord } from '#src/domain/index.ts'
import { ledgerPathOf } from '#src/storage/index.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'
import { sampleCall } from './sample-records.ts'
import { temporaryStorage } from './sample-storage.ts'

export interface LedgerAtHand {
  ledger: Ledger
  clock: FakeClock
  path: string
  rows(table?: string): Record<string, unknown>[]
  /** Another process holds the write lock until this is called. */
  lock(): () => void
}

export async function ledgerAtHand(changes: Partial<LedgerOptions> = {}): Promise<LedgerAtHand> {
  const options = { ...temporaryStorage({ busyTimeoutMs: 0 }), ...changes }
  const clock = createFakeClock()
  const ledger = await openLedger(options, clock)
  const path = ledgerPathOf(options)
  const other = new Database(path)
  onTestFinished(async () => {
    other.close()
    await ledger.close()
  })
  return {
    ledger,
    clock,
    path,
    rows: (table = 'calls') =>
      other.prepare<[], Record<string, unknown>>(`select * from ${table}`).all(),
    lock() {
      other.exec('begin immediate')
      return () => void other.exec('rollback')
    },
  }
}

export function callNumber(id: number, changes: Partial<CallRecord> = {}): CallRecord {
  return sampleCall({ requestId: `req_${id}`, ...changes })
}

/** How an append ended so far. */
export function followed(appending: Promise<void>): { is: string; fault?: unknown } {
  const end: { is: string; fault?: unknown } = { is: 'waiting' }
  appending.then(
    () => {
      end.is = 'committed'
    },
    (fault) => {
      end.is = 'rejected'
      end.fault = fault
    },
  )
  return end
}
