// Counts what is left of the management API's quota: three windows that start anew when they are
// over, told to the caller in every answer.
import { z } from 'zod'
import type { Clock } from '#domain'
import { count } from '../knobs.ts'

/** The defaults are the figures of RunPod's own example; those of real accounts differ. */
export const quotaLimits = z.strictObject({ minute: count, hour: count, day: count })

export interface Quota {
  /** Counts a request; false: there is nothing left of one of the windows. */
  take(): boolean
  headers(): { [name: string]: string }
  /** Until the request that was refused would be taken. */
  retryAfterSeconds(): number
}

interface Window {
  readonly name: string
  readonly requestsMax: number
  readonly seconds: number
  used: number
  endsAtMs: number
}

const secondsOf = { minute: 60, hour: 3600, day: 86_400 }
const names = ['minute', 'hour', 'day'] as const

export function openQuota(limits: z.output<typeof quotaLimits>, clock: Clock): Quota {
  const windows = names.map(
    (name): Window => ({
      name,
      requestsMax: limits[name],
      seconds: secondsOf[name],
      used: 0,
      endsAtMs: 0,
    }),
  )

  function renew(): void {
    const nowMs = clock.ticksMs()
    for (const window of windows) {
      if (window.endsAtMs > nowMs) continue
      window.used = 0
      window.endsAtMs = nowMs + window.seconds * 1000
    }
  }

  const secondsLeft = ({ endsAtMs }: Window) =>
    Math.max(0, Math.ceil((endsAtMs - clock.ticksMs()) / 1000))

  return {
    take() {
      renew()
      if (windows.some(({ used, requestsMax }) => used >= requestsMax)) return false
      for (const window of windows) window.used += 1
      return true
    },
    headers() {
      renew()
      const left = windows.map(
        (window) =>
          `"${window.name}";r=${window.requestsMax - window.used};t=${secondsLeft(window)}`,
      )
      const policy = windows.map(
        ({ name, requestsMax, seconds }) => `"${name}";q=${requestsMax};w=${seconds}`,
      )
      return { RateLimit: left.join(', '), 'RateLimit-Policy': policy.join(', ') }
    },
    retryAfterSeconds() {
      renew()
      const full = windows.filter(({ used, requestsMax }) => used >= requestsMax)
      return Math.max(1, ...full.map(secondsLeft))
    },
  }
}
