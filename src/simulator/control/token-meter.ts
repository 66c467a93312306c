// Tokens per second, from a count that only grows. It is measured when somebody looks, over the
// last few seconds of looking, so that nothing has to tick while nobody does.

export interface TokenMeter {
  /** `nowMs` are the clock's ticks. */
  perSecond(nowMs: number, total: number): number
}

const windowMs = 5000
/** Two looks that are closer together than this count as one. */
const apartMs = 250

export function openTokenMeter(): TokenMeter {
  let samples: { atMs: number; total: number }[] = []
  return {
    perSecond(nowMs, total) {
      const recent = samples.filter(({ atMs }) => atMs > nowMs - windowMs)
      // A look after a long pause still has something to compare with.
      samples = recent.length > 0 ? recent : samples.slice(-1)
      const first = samples[0]
      const last = samples.at(-1)
      if (last === undefined || nowMs - last.atMs >= apartMs) samples.push({ atMs: nowMs, total })
      if (first === undefined || nowMs - first.atMs < apartMs) return 0
      return Math.round(((total - first.total) * 10_000) / (nowMs - first.atMs)) / 10
    },
  }
}
