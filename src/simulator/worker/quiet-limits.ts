// After days without a job the platform lets an endpoint have fewer workers, until somebody changes
// the endpoint.
import type { Clock, Timer } from '#domain'
import type { EndpointSettings } from '../endpoint/fleet-options.ts'

const dayMs = 86_400_000
const limits = [
  { afterMs: 3 * dayMs, workersMax: 2 },
  { afterMs: 7 * dayMs, workersMax: 0 },
]

export function openQuietLimits(
  clock: Clock,
  settings: () => EndpointSettings,
  lowered: () => void,
) {
  let timers: Timer[] = []
  let max = Number.POSITIVE_INFINITY
  return {
    /** What was set, with no more workers than the platform allows now. */
    settings(): EndpointSettings {
      const set = settings()
      return set.workersMax <= max ? set : { ...set, workersMax: max }
    },
    /** There was a job: the days are counted anew. What was lowered stays lowered. */
    jobSeen(): void {
      if (!settings().lowersMax) return
      if (timers.length > 0) return timers.forEach((timer) => void timer.refresh())
      timers = limits.map(({ afterMs, workersMax }) =>
        clock.after(afterMs, () => {
          max = workersMax
          lowered()
        }),
      )
    },
    restore(): void {
      max = Number.POSITIVE_INFINITY
    },
    close(): void {
      for (const timer of timers) timer.cancel()
    },
  }
}
