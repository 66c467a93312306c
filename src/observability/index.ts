// What an operator sees: log lines and metrics, both made from the same records.
export { callLogLine } from './call-log-line.ts'
export { createLogger, type Logger } from './logger.ts'
export { maskSecrets } from './mask.ts'
export { type Metric, metricTable } from './metric-table.ts'
export { createMetrics, type Metrics } from './metrics.ts'
