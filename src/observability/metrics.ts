// Metrics, observed from the records of calls and attempts, never per chunk. One lookup by labels
// finds a series; the rest is additions. The text is made when somebody asks for it.
import { Gauge, Registry } from 'prom-client'
import { type AttemptRecord, type CallRecord, type FaultName, usdFromNanoUsd } from '#domain'
import {
  type CounterName,
  declared,
  type GaugeName,
  type HistogramName,
  metricTable,
} from './metric-table.ts'
import {
  type Buckets,
  createBuckets,
  exposeCounter,
  exposeHistogram,
  type Sample,
} from './series.ts'

export interface GaugeReading {
  labels?: Readonly<Record<string, string>>
  value: number
}

interface Refusal {
  surface: string
  /** null where the call was refused before its model was known. */
  model: string | null
  fault: FaultName
}

export interface Metrics {
  readonly contentType: string
  observeCall(record: CallRecord): void
  observeAttempt(record: AttemptRecord): void
  observeRefusal(refusal: Refusal): void
  /** Where a gauge's values come from; read at every scrape. */
  watch(name: GaugeName, read: () => readonly GaugeReading[]): void
  render(): Promise<string>
}

interface MetricsOptions {
  /** Only these become a label: what clients ask for has no end. */
  isKnownModel(model: string): boolean
  seriesMax?: number
}

interface CallSeries {
  labels: Readonly<Record<string, string>>
  byOutcome: Map<string, { count: number; duration: Buckets }>
  firstToken: Buckets
  interToken: Buckets
  overhead: Buckets
  queueWait: Buckets
  tokens: { prompt: number; completion: number; cached: number }
  chargeNanoUsd: number
  /** null: of no call it is known. */
  gpuSeconds: number | null
}

const NONE = 'none'
const UNKNOWN = 'unknown'

export function createMetrics({ isKnownModel, seriesMax = 2000 }: MetricsOptions): Metrics {
  const registry = new Registry()
  const calls = createSeries(seriesMax, newCallSeries)
  const refusals = createSeries(seriesMax, newTotal)
  const refused = createSeries(seriesMax, newTotal)
  const waste = createSeries(seriesMax, newTotal)
  const coldStarts = createSeries(seriesMax, newTotal)
  const gaugeReads = new Map<GaugeName, () => readonly GaugeReading[]>()
  let lastSeries: CallSeries | null = null
  const modelLabel = (model: string | null) =>
    model !== null && isKnownModel(model) ? model : UNKNOWN

  exposeCounter(registry, 'podgate_requests_total', () => [
    ...[...calls.all()].flatMap(endings),
    ...totals(refused.all()),
  ])
  expose(registry, calls.all)
  exposeCounter(registry, 'podgate_refusals_total', () => totals(refusals.all()))
  exposeCounter(registry, 'podgate_wasted_gpu_seconds_total', () => totals(waste.all()))
  exposeCounter(registry, 'podgate_cold_starts_total', () => totals(coldStarts.all()))
  for (const { name, kind } of metricTable) {
    if (kind === 'gauge') exposeGauge(registry, name, () => gaugeReads.get(name)?.() ?? [])
  }

  /** A call is, as a rule, one of the series of the call before it: no labels are made then. */
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
    contentType: registry.contentType,
    observeCall(record) {
      addCall(callSeries(record), record)
      if (!record.coldStart) return
      const model = modelLabel(record.model)
      coldStarts.at({ model, deployment: record.deployment ?? NONE }).total += 1
    },
    observeAttempt({ model, deployment, wasteReason, wastedSeconds }) {
      if (wasteReason === null) return
      const labels = { model: modelLabel(model), deployment, reason: wasteReason }
      waste.at(labels).total += wastedSeconds
    },
    observeRefusal({ surface, model, fault }) {
      const label = modelLabel(model)
      refusals.at({ surface, model: label, reason: fault }).total += 1
      const nowhere = { deployment: NONE, transport: NONE, outcome: 'refused' }
      refused.at({ surface, model: label, ...nowhere }).total += 1
    },
    watch: (name, read) => void gaugeReads.set(name, read),
    render: () => registry.metrics(),
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

function outcomeOf(series: CallSeries, outcome: string): { count: number; duration: Buckets } {
  let ended = series.byOutcome.get(outcome)
  if (ended === undefined) {
    ended = { count: 0, duration: createBuckets('podgate_request_duration_seconds') }
    series.byOutcome.set(outcome, ended)
  }
  return ended
}

type Labels = Readonly<Record<string, string>>

interface SeriesMap<T> {
  at(labels: Labels): T
  all(): Iterable<T>
}

/** Beyond `seriesMax` sets of labels everything is counted under one called `other`. */
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
    all: () => (overflow === null ? byKey.values() : [...byKey.values(), overflow]),
  }
}

function newTotal(labels: Labels): { labels: Labels; total: number } {
  return { labels, total: 0 }
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

function expose(registry: Registry, all: () => Iterable<CallSeries>): void {
  const counter = (name: CounterName, samples: (series: CallSeries) => Sample<number>[]) =>
    exposeCounter(registry, name, () => [...all()].flatMap(samples))
  const histogram = (name: HistogramName, samples: (series: CallSeries) => Sample<Buckets>[]) =>
    exposeHistogram(registry, name, () => [...all()].flatMap(samples))

  counter('podgate_tokens_total', ({ labels, tokens }) =>
    Object.entries(tokens).map(([kind, value]) => ({ labels: { ...labels, kind }, value })),
  )
  counter('podgate_cost_usd_total', ({ labels, chargeNanoUsd }) => [
    { labels, value: usdFromNanoUsd(chargeNanoUsd) },
  ])
  counter('podgate_gpu_seconds_total', ({ labels, gpuSeconds }) =>
    gpuSeconds === null ? [] : [{ labels, value: gpuSeconds }],
  )
  histogram('podgate_request_duration_seconds', ({ labels, byOutcome }) =>
    [...byOutcome].map(([outcome, { duration }]) => ({
      labels: { ...labels, outcome },
      value: duration,
    })),
  )
  histogram('podgate_time_to_first_token_seconds', ({ labels, firstToken }) => [
    { labels, value: firstToken },
  ])
  histogram('podgate_inter_token_seconds', ({ labels, interToken }) => [
    { labels, value: interToken },
  ])
  histogram('podgate_overhead_seconds', ({ labels, overhead }) => [{ labels, value: overhead }])
  histogram('podgate_queue_wait_seconds', ({ labels, queueWait }) => [{ labels, value: queueWait }])
}

function endings({ labels, byOutcome }: CallSeries): Sample<number>[] {
  return [...byOutcome].map(([outcome, { count }]) => ({
    labels: { ...labels, outcome },
    value: count,
  }))
}

function totals(all: Iterable<{ labels: Labels; total: number }>): Sample<number>[] {
  return [...all].map(({ labels, total }) => ({ labels, value: total }))
}

function exposeGauge(
  registry: Registry,
  name: GaugeName,
  read: () => readonly GaugeReading[],
): void {
  const { help, labels } = declared(name)
  new Gauge({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      this.reset()
      for (const reading of read()) this.set({ ...reading.labels }, reading.value)
    },
  })
}
