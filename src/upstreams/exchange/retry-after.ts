// When an upstream wants to be asked again: seconds or a date. Bounded, because a header must not
// be able to switch a deployment off.

const pauseMsMax = 60_000

/** null: no header, nonsense, or a time that is already past. */
export function readRetryAfter(value: string, nowMs: number): number | null {
  const isSeconds = /^\d{1,9}(?:\.\d{1,6})?$/.test(value)
  const pauseMs = isSeconds ? Number(value) * 1000 : Date.parse(value) - nowMs
  return pauseMs > 0 ? Math.min(Math.ceil(pauseMs), pauseMsMax) : null
}
