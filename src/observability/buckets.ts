// The buckets of a histogram as plain numbers, put into Prometheus' shape only for a scrape. An
// observation of prom-client hashes its labels each time (six of them took 1.2 µs, adding to typed
// arrays takes 0.03), and a call makes a dozen.
import { declared, type HistogramName } from './metric-table.ts'

/** The observations of one histogram under one set of labels. */
export interface Buckets {
  observe(value: number): void
  readonly counts: Float64Array
  readonly sum: number
}

export function createBuckets(name: HistogramName): Buckets {
  const bounds = declared(name).buckets ?? []
  const counts = new Float64Array(bounds.length + 1)
  // In a variable, V8 would make a new object of each sum.
  const sum = new Float64Array(1)
  return {
    counts,
    get sum() {
      return sum[0] ?? 0
    },
    observe(value) {
      let index = 0
      while (index < bounds.length && value > (bounds[index] ?? 0)) index += 1
      counts[index] = (counts[index] ?? 0) + 1
      sum[0] = (sum[0] ?? 0) + value
    },
  }
}
