// A connection for reports, which only reads the ledger and works while a gateway writes. A report
// is read in one transaction, that is as of one moment, so that its sums agree with each other.
import { existsSync } from 'node:fs'
import {
  ledgerPathOf,
  openLedgerReader,
  type SqliteConnection,
  type StorageOptions,
} from '#storage'

export function withLedger<T>(options: StorageOptions, read: (ledger: SqliteConnection) => T): T {
  const ledger = openExisting(options)
  try {
    return ledger.transaction(() => read(ledger))()
  } finally {
    ledger.close()
  }
}

export function openExisting(options: StorageOptions): SqliteConnection {
  const path = ledgerPathOf(options)
  if (existsSync(path)) return openLedgerReader(options)
  throw new Error(`There is no ledger at ${path}: a gateway makes it when it first starts.`)
}
