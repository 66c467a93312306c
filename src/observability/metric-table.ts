// Every metric, declared once: /metrics, docs/metrics.md and the alert rules are made from it.
// Units are base units. Labels are bounded: never a key, a request or anything a client chose.

type MetricKind = 'counter' | 'gauge' | 'histogram'

export interface Metric {
  name: string
  kind: MetricKind
  labels: readonly string[]
  help: string
  /** The upper bounds of a histogram's buckets. */
  buckets?: readonly number[]
}

const where = ['surface', 'model', 'deployment', 'transport'] as const

/** A warm first token takes some 100 ms, a cold one minutes. */
const waitBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 180, 300]
const durationBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 180, 300, 600]
const queueBuckets = [0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
const overheadBuckets = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.1, 0.5, 1]
const tokenBuckets = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2]

/* biome-ignore format: a table reads as a table */
export const metricTable = [
  { name: 'podgate_requests_total', kind: 'counter', labels: [...where, 'outcome'], help: 'Calls that ended, refused ones included.' },
  { name: 'podgate_refusals_total', kind: 'counter', labels: ['surface', 'model', 'reason'], help: 'Calls that were refused before they were accepted, by fault.' },
  { name: 'podgate_request_duration_seconds', kind: 'histogram', labels: [...where, 'outcome'], help: 'From the arrival of an accepted call to its end.', buckets: durationBuckets },
  { name: 'podgate_time_to_first_token_seconds', kind: 'histogram', labels: where, help: 'From the arrival of a call to the first event that reached its client.', buckets: waitBuckets },
  { name: 'podgate_inter_token_seconds', kind: 'histogram', labels: where, help: 'Mean time between the tokens of a stream, one observation for each call.', buckets: tokenBuckets },
  { name: 'podgate_overhead_seconds', kind: 'histogram', labels: where, help: 'Time of a call that was neither waiting for a place nor the upstream nor the client.', buckets: overheadBuckets },
  { name: 'podgate_queue_wait_seconds', kind: 'histogram', labels: where, help: 'Time a call waited in the gateway for a place at a deployment.', buckets: queueBuckets },
  { name: 'podgate_tokens_total', kind: 'counter', labels: [...where, 'kind'], help: 'Tokens of calls by kind: prompt, completion, and cached as a part of prompt.' },
  { name: 'podgate_cost_usd_total', kind: 'counter', labels: where, help: 'What calls were charged, in US dollars.' },
  { name: 'podgate_gpu_seconds_total', kind: 'counter', labels: where, help: 'GPU time attributed to calls.' },
  { name: 'podgate_wasted_gpu_seconds_total', kind: 'counter', labels: ['model', 'deployment', 'reason'], help: 'Seconds a place at a deployment was taken for nothing, by reason.' },
  { name: 'podgate_cold_starts_total', kind: 'counter', labels: ['model', 'deployment'], help: 'Calls that met a cold deployment.' },
  { name: 'podgate_inflight_requests', kind: 'gauge', labels: [], help: 'Calls that run, from the reading of their body to the last byte of their answer.' },
  { name: 'podgate_queue_depth', kind: 'gauge', labels: ['model'], help: 'Calls that wait in the line before a model.' },
  { name: 'podgate_circuit_state', kind: 'gauge', labels: ['deployment'], help: 'Whether a deployment is asked: 0 closed, 1 half-open, 2 open.' },
  { name: 'podgate_held_bytes', kind: 'gauge', labels: ['side'], help: 'Bytes held for clients that read slowly: read from upstreams, and written to clients.' },
  { name: 'podgate_log_lost_lines', kind: 'gauge', labels: [], help: 'Log lines since the start that could not be written, and are lost.' },
] as const satisfies readonly Metric[]

type NameOf<Kind extends MetricKind> = Extract<(typeof metricTable)[number], { kind: Kind }>['name']

export type MetricName = NameOf<MetricKind>
export type GaugeName = NameOf<'gauge'>
export type HistogramName = NameOf<'histogram'>

const byName = new Map<string, Metric>(metricTable.map((metric) => [metric.name, metric]))

export function declared(name: MetricName): Metric {
  const metric = byName.get(name)
  if (metric === undefined) throw new Error(`${name} is not in the table of metrics`)
  return metric
}
