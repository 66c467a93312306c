// Prometheus text as a Python client writes it: counters end in `_total`, numbers are floats.

export interface Histogram {
  /** The same value, so many times. */
  observe(value: number, times?: number): void
  lines(name: string, labels: string): string[]
}

export function openHistogram(bounds: readonly number[]): Histogram {
  const counts = new Float64Array(bounds.length + 1)
  let sum = 0
  let total = 0
  return {
    observe(value, times = 1) {
      let at = 0
      while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1
      counts[at] = (counts[at] ?? 0) + times
      sum += value * times
      total += times
    },
    lines(name, labels) {
      let below = 0
      const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound, at) => {
        below += counts[at] ?? 0
        return `${name}_bucket{${labels},le="${asFloat(bound)}"} ${asFloat(below)}`
      })
      return [
        ...buckets,
        `${name}_count{${labels}} ${asFloat(total)}`,
        `${name}_sum{${labels}} ${asFloat(sum)}`,
      ]
    },
  }
}

export function asFloat(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

export function family(
  name: string,
  type: 'gauge' | 'counter' | 'histogram',
  help: string,
  lines: readonly string[],
): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
}
