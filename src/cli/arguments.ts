// Arguments as people write them: `30d`, `a,b`, `12.50`. What cannot be read is wrong usage, and
// the message says what can; so does the example under each command's help.
import { InvalidArgumentError } from 'commander'
import type { z } from 'zod'

/** Checks with the rule that the admin API has too. */
export function checkedBy<T>(schema: z.ZodType<T>): (text: string) => T {
  return (text) => checked(schema, text)
}

export function checkedListBy<T>(schema: z.ZodType<T>): (text: string) => T {
  return (text) => checked(schema, parseList(text))
}

export function checkedNumberBy<T>(schema: z.ZodType<T>): (text: string) => T {
  return (text) => checked(schema, /^\d+$/.test(text) ? Number(text) : text)
}

export function checkedFlagBy<T>(schema: z.ZodType<T>): (text: string) => T {
  return (text) => checked(schema, text === 'true' ? true : text === 'false' ? false : text)
}

/** One word that is kept as it is, or what `parse` can read. */
export function wordOr<W extends string, T>(
  word: W,
  parse: (text: string) => T,
): (text: string) => T | W {
  return (text) => {
    if (text === word) return word
    try {
      return parse(text)
    } catch (cause) {
      if (!(cause instanceof InvalidArgumentError)) throw cause
      throw new InvalidArgumentError(`${cause.message} Or: ${word}.`)
    }
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new InvalidArgumentError(`${sentence(result.error.issues[0]?.message ?? 'Not allowed')}.`)
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function parseList(text: string): string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.every((item) => item !== '')) return items
  throw new InvalidArgumentError('Allowed: names separated by commas, such as a,b.')
}

export function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= 1_000_000) return count
  throw new InvalidArgumentError('Allowed: a whole number of at least 1, at most 1000000.')
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Allowed: a port from 0 to 65535; 0 takes a free one.')
}

/** The root of a gateway. A password in it would be seen in the list of processes. */
export function parseGatewayUrl(text: string): URL {
  const url = URL.parse(text)
  const isPlain = url?.username === '' && url.password === '' && url.search === ''
  if (url !== null && isPlain && /^https?:$/.test(url.protocol)) return url
  throw new InvalidArgumentError('Allowed: the address of a gateway, as http://127.0.0.1:8080.')
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

/** A day, or a moment of it, in UTC unless it says otherwise. */
export function parseMoment(text: string): number {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text)
  const isMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?$/.test(text)
  const hasZone = isDay || /(Z|[+-]\d\d:\d\d)$/.test(text)
  const atMs = isDay || isMoment ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN
  if (!Number.isNaN(atMs) && isOfCalendar(text.slice(0, 10))) return atMs
  throw new InvalidArgumentError('Allowed: a day or moment in UTC: 2026-11-01 or 2026-11-01T08:30.')
}

/** Of 30 February `Date.parse` makes 2 March. */
function isOfCalendar(day: string): boolean {
  return new Date(`${day}T00:00Z`).toISOString().slice(0, 10) === day
}

export function exampleOf(command: string): string {
  return `\nExample:\n  npm run podgate -- ${command}`
}
