// What is said of many times measured: the middle one, the one that only a hundredth exceeds, and
// the worst.
import { median } from './report.ts'

export interface Quantiles {
  p50Ms: number
  p99Ms: number
  maxMs: number
}

export function quantilesOf(timesMs: ArrayLike<number>): Quantiles {
  const sorted = Float64Array.from(timesMs).sort()
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

/** The round in the middle, but for the worst, which is the worst of all. */
export function ofRounds(rounds: readonly Quantiles[]): Quantiles {
  return {
    p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
    maxMs: Math.max(...rounds.map(({ maxMs }) => maxMs)),
  }
}

/** Ours beside theirs. */
export function toldMs(ours: Quantiles, theirs: Quantiles): string {
  const pair = (what: keyof Quantiles, digits: number) =>
    `${ours[what].toFixed(digits)} / ${theirs[what].toFixed(digits)}`
  return `p50 ${pair('p50Ms', 2)}, p99 ${pair('p99Ms', 1)}, most ${pair('maxMs', 0)} ms`
}

/** Whether a generator sent its calls when it had planned to: one that is later measures itself. */
export function toldOfGenerator(
  lateMsMax: number,
  ours: Quantiles,
  theirs: Quantiles,
): { isOnTime: boolean; told: string } {
  const isOnTime = Math.max(ours.p99Ms, theirs.p99Ms) <= lateMsMax
  const p99 = `${ours.p99Ms.toFixed(1)} / ${theirs.p99Ms.toFixed(1)} ms`
  return { isOnTime, told: `generator late p99 ${p99}${isOnTime ? '' : ': INVALID'}` }
}
