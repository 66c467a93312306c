// Metrics, observed from the records of calls and attempts, never per chunk. One lookup by labels
// finds a series; the rest is additions. The text is made when a scraper asks for it.
import { type AttemptRecord, type CallRecord, type FaultName, usdFromNanoUsd } from '#domain'
import { type Buckets, createBuckets } from './buckets.ts'
import { type GaugeName, metricTable } from './metric-table.ts'
import { contentType, type Labels, type Sample, type Shown, scrapeText } from './scrape-text.ts'

interface GaugeReading {
  labels?: Labels
  value: number
}

interface RefusedCall {
  surface: string
  /** null where the call was refused before its model was known. */
  model: string | null
  fault: FaultName
}

export interface Metrics {
  readonly contentType: string
  observeCall(record: CallRecord): void
  observeAttempt(record: AttemptRecord): void
  observeRefusal(refusal: RefusedCall): void
  /** `read` gives a gauge's values at every scrape. */
  watch(name: GaugeName, read: () => readonly GaugeReading[]): void
  render(): Promise<string>
}

interface MetricsOptions {
  /** Only known models become a label: clients may ask for any number of names. */
  isKnownModel(model: string): boolean
  seriesMax?: number
}

interface Ended {
  count: number
  duration: Buckets
}

interface CallSeries {
  labels: Labels
  byOutcome: Map<string, Ended>
  firstToken: Buckets
  interToken: Buckets
  overhead: Buckets
  queueWait: Buckets
  tokens: { prompt: number; completion: number; cached: number }
  chargeNanoUsd: number
  /** null: it is not known for any call. */
  gpuSeconds: number | null
}

const NONE = 'none'
const UNKNOWN = 'unknown'

export function createMetrics({ isKnownModel, seriesMax = 2000 }: MetricsOptions): Metrics {
  const calls = createSeries(seriesMax, newCallSeries)
  const refusals = createSeries(seriesMax, newTotal)
  const refused = createSeries(seriesMax, newTotal)
  const waste = createSeries(seriesMax, newTotal)
  const coldStarts = createSeries(seriesMax, newTotal)
  const gaugeReads = new Map<GaugeName, () => readonly GaugeReading[]>()
  let lastSeries: CallSeries | null = null
  const modelLabel = (model: string | null) =>
    model !== null && isKnownModel(model) ? model : UNKNOWN

  /** Most calls belong to the series of the call before them: no labels are made for those. */
  function callSeries(record: CallRecord): CallSeries {
    const { surface } = record
    const model = modelLabel(record.model)
    const deployment = record.deployment ?? NONE
    const transport = record.transport ?? NONE
    if (
      lastSeries === null ||
      lastSeries.labels.model !== model ||
      lastSeries.labels.deployment !== deployment ||
      lastSeries.labels.transport !== transport ||
      lastSeries.labels.surface !== surface
    ) {
      lastSeries = calls.at({ surface, model, deployment, transport })
    }
    return lastSeries
  }

  return {
    contentType,
    observeCall(record) {
      addCall(callSeries(record), record)
      if (!record.coldStart) return
      const model = modelLabel(record.model)
      coldStarts.at({ model, deployment: record.deployment ?? NONE }).value += 1
    },
    observeAttempt({ model, deployment, wasteReason, wastedSeconds }) {
      if (wasteReason === null) return
      const labels = { model: modelLabel(model), deployment, reason: wasteReason }
      waste.at(labels).value += wastedSeconds
    },
    observeRefusal({ surface, model, fault }) {
      const label = modelLabel(model)
      refusals.at({ surface, model: label, reason: fault }).value += 1
      const nowhere = { deployment: NONE, transport: NONE, outcome: 'refused' }
      refused.at({ surface, model: label, ...nowhere }).value += 1
    },
    watch: (name, read) => void gaugeReads.set(name, read),
    render: () =>
      scrapeText([
        [
          'podgate_requests_total',
          [...byOutcome(calls.all(), ({ count }) => count), ...refused.all()],
        ],
        ...shownCalls(calls.all()),
        ['podgate_refusals_total', refusals.all()],
        ['podgate_wasted_gpu_seconds_total', waste.all()],
        ['podgate_cold_starts_total', coldStarts.all()],
        ...shownGauges(gaugeReads),
      ]),
  }
}

function addCall(series: CallSeries, record: CallRecord): void {
  const { usage } = record
  const ended = outcomeOf(series, record.outcome)
  ended.count += 1
  ended.duration.observe(record.durationMs / 1000)
  series.overhead.observe(record.overheadMs / 1000)
  series.queueWait.observe(record.queueMs / 1000)
  if (record.ttftMs !== null) series.firstToken.observe(record.ttftMs / 1000)
  if (record.stream && record.streamMs !== null && usage.completionTokens > 1) {
    series.interToken.observe(record.streamMs / 1000 / (usage.completionTokens - 1))
  }
  series.tokens.prompt += usage.promptTokens
  series.tokens.completion += usage.completionTokens
  series.tokens.cached += usage.cachedTokens
  series.chargeNanoUsd += record.chargeNanoUsd
  if (record.gpuSeconds !== null) {
    series.gpuSeconds = (series.gpuSeconds ?? 0) + record.gpuSeconds
  }
}

function outcomeOf(series: CallSeries, outcome: string): Ended {
  let ended = series.byOutcome.get(outcome)
  if (ended === undefined) {
    ended = { count: 0, duration: createBuckets('podgate_request_duration_seconds') }
    series.byOutcome.set(outcome, ended)
  }
  return ended
}

interface SeriesMap<T> {
  at(labels: Labels): T
  all(): readonly T[]
}

/** After `seriesMax` sets of labels, every new one is counted under the labels `other`. */
function createSeries<T>(seriesMax: number, create: (labels: Labels) => T): SeriesMap<T> {
  const byKey = new Map<string, T>()
  let overflow: T | null = null
  return {
    at(labels) {
      const key = Object.values(labels).join('\0')
      const found = byKey.get(key)
      if (found !== undefined) return found
      if (byKey.size >= seriesMax) {
        overflow ??= create(Object.fromEntries(Object.keys(labels).map((name) => [name, 'other'])))
        return overflow
      }
      const created = create(labels)
      byKey.set(key, created)
      return created
    },
    all: () => [...byKey.values(), ...(overflow === null ? [] : [overflow])],
  }
}

function newTotal(labels: Labels): { labels: Labels; value: number } {
  return { labels, value: 0 }
}

function newCallSeries(labels: Labels): CallSeries {
  return {
    labels,
    byOutcome: new Map(),
    firstToken: createBuckets('podgate_time_to_first_token_seconds'),
    interToken: createBuckets('podgate_inter_token_seconds'),
    overhead: createBuckets('podgate_overhead_seconds'),
    queueWait: createBuckets('podgate_queue_wait_seconds'),
    tokens: { prompt: 0, completion: 0, cached: 0 },
    chargeNanoUsd: 0,
    gpuSeconds: null,
  }
}

function shownCalls(all: readonly CallSeries[]): Shown[] {
  const each = <T>(read: (series: CallSeries) => T): Sample<T>[] =>
    all.map((series) => ({ labels: series.labels, value: read(series) }))
  const tokens = all.flatMap(({ labels, tokens }) =>
    Object.entries(tokens).map(([kind, value]) => ({ labels: { ...labels, kind }, value })),
  )
  const gpuSeconds = all.flatMap(({ labels, gpuSeconds: value }) =>
    value === null ? [] : [{ labels, value }],
  )
  return [
    ['podgate_tokens_total', tokens],
    ['podgate_cost_usd_total', each(({ chargeNanoUsd }) => usdFromNanoUsd(chargeNanoUsd))],
    ['podgate_gpu_seconds_total', gpuSeconds],
    ['podgate_request_duration_seconds', byOutcome(all, ({ duration }) => duration)],
    ['podgate_time_to_first_token_seconds', each(({ firstToken }) => firstToken)],
    ['podgate_inter_token_seconds', each(({ interToken }) => interToken)],
    ['podgate_overhead_seconds', each(({ overhead }) => overhead)],
    ['podgate_queue_wait_seconds', each(({ queueWait }) => queueWait)],
  ]
}

function byOutcome<T>(all: readonly CallSeries[], read: (ended: Ended) => T): Sample<T>[] {
  return all.flatMap(({ labels, byOutcome }) =>
    Array.from(byOutcome, ([outcome, ended]) => ({
      labels: { ...labels, outcome },
      value: read(ended),
    })),
  )
}

/** A gauge that nobody watches is 0 if it has no labels: Prometheus recommends to show it. */
function shownGauges(reads: ReadonlyMap<GaugeName, () => readonly GaugeReading[]>): Shown[] {
  return metricTable.flatMap(({ name, kind, labels: names }): Shown[] => {
    if (kind !== 'gauge') return []
    const readings = reads.get(name)?.() ?? (names.length === 0 ? [{ value: 0 }] : [])
    return [[name, readings.map(({ labels = {}, value }) => ({ labels, value }))]]
  })
}
