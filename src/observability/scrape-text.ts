// Has prom-client write the text of a scrape. Its own histograms cannot be given counts that were
// made elsewhere. But its registry of a cluster is made from the counts of other processes, given
// as plain objects (`aggregate` takes what `getMetricsAsJSON` returns), and ours are given so too.
import { AggregatorRegistry, prometheusContentType } from 'prom-client'
import type { Buckets } from './buckets.ts'
import { declared, type HistogramName, type MetricName } from './metric-table.ts'

export type Labels = Readonly<Record<string, string>>

export interface Sample<T> {
  labels: Labels
  value: T
}

/** A metric with its samples. */
export type Shown =
  | readonly [HistogramName, readonly Sample<Buckets>[]]
  | readonly [Exclude<MetricName, HistogramName>, readonly Sample<number>[]]

interface PlainValue {
  /** The name in the line, where it is not that of the metric. */
  metricName?: string
  labels: Readonly<Record<string, string | number>>
  value: number
}

export const contentType: string = prometheusContentType

/** `metrics` come in the order of the text. */
export function scrapeText(metrics: readonly Shown[]): Promise<string> {
  const told = metrics.map(([name, samples]) => {
    const { kind: type, help, buckets = [] } = declared(name)
    const values = samples.flatMap((sample) => plainValues(name, sample, buckets))
    return { name, help, type, aggregator: 'sum', values }
  })
  return AggregatorRegistry.aggregate([told]).metrics()
}

function plainValues(
  name: MetricName,
  { labels, value }: Sample<number | Buckets>,
  bounds: readonly number[],
): PlainValue[] {
  if (typeof value === 'number') return [{ labels, value }]
  const metricName = `${name}_bucket`
  let total = 0
  const values: PlainValue[] = Array.from(value.counts, (count, index) => {
    total += count
    return { metricName, labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: total }
  })
  values.push({ metricName: `${name}_sum`, labels, value: value.sum })
  values.push({ metricName: `${name}_count`, labels, value: total })
  return values
}
