// The databases: the registry behind one query layer, and the ledger's file. SQLite, embedded.
export { type AuditEntry, hasDeed, listAudit, noteDeed } from './audit.ts'
export { backupDatabases } from './backup.ts'
export { openLedgerDatabase, openLedgerReader } from './ledger-database.ts'
export { ledgerPathOf, type StorageOptions, storageOptions } from './options.ts'
export { openRegistry, type Registry } from './registry.ts'
export { openSnapshot, type SnapshotOptions } from './snapshot.ts'
export type { SqliteConnection } from './sqlite-file.ts'
