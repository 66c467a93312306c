// Arguments as people write them: `30d`, `a,b`, `12.50`. What cannot be read is wrong usage, and
// the message says what can; so does the example under each command's help.
import { InvalidArgumentError } from 'commander'

const unitMs: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const durationMsMax = 100 * 366 * 86_400_000

export function parseDurationMs(text: string): number {
  const [, amount, unit] = /^(\d{1,9})([mhdw])$/.exec(text) ?? []
  const durationMs = Number(amount) * (unitMs[unit ?? ''] ?? Number.NaN)
  if (durationMs > 0 && durationMs <= durationMsMax) return durationMs
  throw new InvalidArgumentError('Allowed: a number and m, h, d or w, such as 30d.')
}

export function parseList(text: string): string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.every((item) => item !== '')) return items
  throw new InvalidArgumentError('Allowed: names separated by commas, such as a,b.')
}

export function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= 1_000_000_000) return count
  throw new InvalidArgumentError('Allowed: a whole number of at least 1.')
}

/** At most 3660, ten years: a moment further back has no use. */
export function parseDays(text: string): number {
  const days = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && days > 0 && days <= 3660) return days
  throw new InvalidArgumentError('Allowed: a number of days above 0, at most 3660.')
}

export function parseUsd(text: string): number {
  const usd = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && usd <= 9_000_000) return usd
  throw new InvalidArgumentError('Allowed: US dollars, such as 500 or 12.50.')
}

export function exampleOf(command: string): string {
  return `\nExample:\n  npm run podgate -- ${command}`
}
