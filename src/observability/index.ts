// What an operator sees: log lines and metrics, both made from the same records.
export { type AttemptCounts, type AttemptTally, createAttemptTally } from './attempt-tally.ts'
export { createLogger, type Logger } from './logger.ts'
export { maskSecrets } from './mask.ts'
export { type Metric, metricTable } from './metric-table.ts'
export { createMetrics, type Metrics } from './metrics.ts'
