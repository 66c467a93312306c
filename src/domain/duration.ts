// Durations as people write them: `90s`, `12h`, `30d`. The same words in commands and in the admin
// API.

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const durationMsMax = 100 * 366 * 86_400_000

/** null: not a duration, or longer than a century. */
export function durationMsOf(text: string): number | null {
  const [, amount, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? []
  const durationMs = Number(amount) * (unitMs[unit ?? ''] ?? Number.NaN)
  return durationMs <= durationMsMax ? durationMs : null
}
