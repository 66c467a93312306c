// How often each operation of an endpoint may be asked for: so many requests in ten seconds, and a
// fifth of that at the same time. Both grow with the workers that run. The platform documents the
// bases; what each worker adds is not known, so it is a knob.
import type { Clock } from '#domain'
import type { SimulatorOptions } from '../options.ts'

export interface RateLimits {
  /** To be called once the call has ended; null: there are too many. */
  enter(operation: string, runningWorkers: number): (() => void) | null
}

type Limits = Pick<SimulatorOptions, 'rateLimits' | 'rateLimitPerWorker'>

interface Usage {
  windowStartMs: number
  requests: number
  open: number
}

const windowMs = 10_000

const bases: { readonly [operation: string]: number } = {
  runsync: 2000,
  run: 1000,
  status: 2000,
  stream: 2000,
  openai: 2000,
  cancel: 100,
  'purge-queue': 2,
  requests: 10,
}
/** These may be asked for at the same time as often as anybody likes. */
const withoutConcurrency: ReadonlySet<string> = new Set(['purge-queue'])
/** These are another operation under another name. */
const countedAs: { readonly [operation: string]: string } = { 'status-sync': 'status' }

export function openRateLimits(options: Limits, clock: Clock): RateLimits {
  const usages = new Map<string, Usage>()

  function usageOf(operation: string): Usage {
    const nowMs = clock.ticksMs()
    const known = usages.get(operation) ?? { windowStartMs: nowMs, requests: 0, open: 0 }
    usages.set(operation, known)
    if (nowMs - known.windowStartMs >= windowMs) {
      known.windowStartMs = nowMs
      known.requests = 0
    }
    return known
  }

  return {
    enter(asked, runningWorkers) {
      const operation = countedAs[asked] ?? asked
      const base = Object.hasOwn(bases, operation) ? bases[operation] : undefined
      if (!options.rateLimits || base === undefined) return () => {}
      const limit = Math.max(base, runningWorkers * options.rateLimitPerWorker)
      const together = withoutConcurrency.has(operation) ? Number.POSITIVE_INFINITY : limit / 5
      const usage = usageOf(operation)
      if (usage.requests >= limit || usage.open >= together) return null
      usage.requests += 1
      usage.open += 1
      return () => {
        usage.open -= 1
      }
    },
  }
}
