// Counts how attempts ended since this process began: what an operator asks first when calls fail.
// The metrics say the same over time; these counts need no time series.
import type { AttemptRecord, FaultName } from '#domain'

export interface AttemptCounts {
  total: number
  answered: number
  faulted: number
  abandoned: number
  /** Attempts of a call after its first. */
  retries: number
  /** Seconds that places were taken for nothing. */
  wastedSeconds: number
  /** The faults of attempts that were faulted or abandoned. */
  byFault: Partial<Record<FaultName, number>>
}

export interface AttemptTally {
  add(record: AttemptRecord): void
  counts(): AttemptCounts
}

export function createAttemptTally(): AttemptTally {
  const counts = { total: 0, answered: 0, faulted: 0, abandoned: 0, retries: 0, wastedSeconds: 0 }
  const byFault: AttemptCounts['byFault'] = {}
  return {
    add({ result, ordinal, fault, wastedSeconds }) {
      counts.total += 1
      counts[result] += 1
      counts.wastedSeconds += wastedSeconds
      if (ordinal > 1) counts.retries += 1
      if (fault !== null) byFault[fault] = (byFault[fault] ?? 0) + 1
    },
    counts: () => ({ ...counts, byFault: { ...byFault } }),
  }
}
