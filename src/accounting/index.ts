// What it cost: charges, the ledger, and what can be read out of it.
export { chargeFor } from './charge.ts'
export { type Ledger, type LedgerOptions, openLedger } from './ledger.ts'
export {
  type DeploymentLine,
  type SpendLine,
  type SpendReport,
  spendReport,
} from './spend-report.ts'
export { withoutLedger } from './without-ledger.ts'
