// What calls cost: charges, the ledger, and reports from it.
export { chargeFor } from './charge.ts'
export { type ExportFormat, exportLedger } from './export-ledger.ts'
export { createKeyTally, type KeyTally, type KeyUsage } from './key-tally.ts'
export { type Ledger, type LedgerOptions, openLedger } from './ledger.ts'
export { retentionOptions } from './retention-options.ts'
export {
  type SpendAndWaste,
  type SpendLine,
  type SpendReport,
  spendReport,
} from './spend-report.ts'
export { type Problem, type Verification, verifyLedger } from './verify-ledger.ts'
export { withoutLedger } from './without-ledger.ts'
