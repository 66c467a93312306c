// The databases, both SQLite: the registry behind a query layer, and the ledger's file.
export { type AuditEntry, hasDeed, listAudit, noteDeed } from './audit.ts'
export { backupDatabases } from './backup.ts'
export type { Batch, LedgerTables, RefusedRow } from './ledger/commit.ts'
export {
  type LedgerNews,
  type LedgerWriter,
  openWriterHere,
} from './ledger/ledger-writer.ts'
export type { SqlValue } from './ledger/table-writer.ts'
export { openWriterInThread } from './ledger/thread-writer.ts'
export { ledgerPathOf, openLedgerDatabase, openLedgerReader } from './ledger-database.ts'
export { type StorageOptions, storageOptions } from './options.ts'
export { openRegistry, type Registry } from './registry.ts'
export { openSnapshot, type SnapshotOptions } from './snapshot.ts'
export type { SqliteConnection } from './sqlite-file.ts'
