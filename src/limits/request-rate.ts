// Requests per minute, as a bucket that refills evenly: no window to sit at the edge of, and the
// reset that a client is told is exact. One number for each key: when its bucket will be full.
import type { Clock, RateState } from '#domain'

export interface RequestRate {
  /** Takes one request out of the bucket, if there is one. */
  take(keyId: string, perMinute: number): { isTaken: boolean; rate: RateState }
  /** Puts one request back that was taken. */
  giveBack(keyId: string, perMinute: number): void
  /** The bucket as it is. */
  look(keyId: string, perMinute: number): RateState
}

const minuteMs = 60_000

export function createRequestRate(clock: Clock, keysMax: number): RequestRate {
  const fullAtByKey = new Map<string, number>()

  function forgetFull(nowMs: number): void {
    for (const [key, fullAtMs] of fullAtByKey) if (fullAtMs <= nowMs) fullAtByKey.delete(key)
  }

  return {
    take(keyId, perMinute) {
      const nowMs = clock.ticksMs()
      const stepMs = minuteMs / perMinute
      const fullAtMs = Math.max(fullAtByKey.get(keyId) ?? 0, nowMs)
      const debtMs = fullAtMs - nowMs
      const isTaken = debtMs + stepMs <= minuteMs + 0.001
      const nextDebtMs = isTaken ? debtMs + stepMs : debtMs
      if (fullAtByKey.size >= keysMax && !fullAtByKey.has(keyId)) forgetFull(nowMs)
      fullAtByKey.set(keyId, nowMs + nextDebtMs)
      return { isTaken, rate: stateOf(nextDebtMs, perMinute) }
    },
    giveBack(keyId, perMinute) {
      const fullAtMs = fullAtByKey.get(keyId)
      if (fullAtMs !== undefined) fullAtByKey.set(keyId, fullAtMs - minuteMs / perMinute)
    },
    look(keyId, perMinute) {
      const nowMs = clock.ticksMs()
      return stateOf(Math.max(fullAtByKey.get(keyId) ?? 0, nowMs) - nowMs, perMinute)
    },
  }
}

/** What a bucket says that lacks so many milliseconds of being full. */
function stateOf(debtMs: number, perMinute: number): RateState {
  const stepMs = minuteMs / perMinute
  return {
    limit: perMinute,
    remaining: Math.max(0, Math.floor((minuteMs - debtMs) / stepMs + 0.001)),
    resetMs: Math.ceil(debtMs),
    retryAfterMs: Math.max(0, Math.ceil(debtMs + stepMs - minuteMs)),
  }
}
