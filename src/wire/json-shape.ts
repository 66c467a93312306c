// Whether a JSON text nests deeper, or holds more, than our parser or that of a model's server
// should be given. This is found out before the text is parsed, and so it may be no JSON at all.
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './json-text.ts'

/** The most that a text may have of each. What strings hold does not count. */
export interface JsonBounds {
  depth: number
  /** Objects and arrays. */
  containers: number
  /** Members of objects. */
  names: number
  /** Items and values of members; an empty list counts twice. */
  values: number
  /** Names and values. */
  strings: number
  /** Digits in a row. */
  digits: number
}

export interface JsonExcess {
  what: keyof JsonBounds
  /** Name of the top-level member that passed the bound, as it is written; null: none did. */
  member: string | null
}

/**
 * The first bound that a text passes, by a look at each byte: 10 ms for 4 MB. Bytes will do: in
 * UTF-8, no other character holds a byte that means something in JSON.
 */
export function firstExcess(bytes: Buffer, max: JsonBounds): JsonExcess | null {
  let depth = 0
  let containers = 0
  let names = 0
  let values = 0
  let strings = 0
  let digits = 0
  let stringAt = 0
  let memberAt = -1
  const excess = (what: keyof JsonBounds) => ({ what, member: stringIn(bytes, memberAt) })
  for (let at = 0; at < bytes.length; at += 1) {
    const code = bytes[at] ?? 0
    if (isDigit(code)) {
      digits += 1
      if (digits > max.digits) return excess('digits')
      continue
    }
    digits = 0
    if (code === QUOTE) {
      strings += 1
      if (strings > max.strings) return excess('strings')
      stringAt = at
      at = closingQuoteIn(bytes, at)
    } else if (code === COMMA) {
      values += 1
      if (values > max.values) return excess('values')
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1
      containers += 1
      values += 1
      if (depth > max.depth) return excess('depth')
      if (containers > max.containers) return excess('containers')
      if (values > max.values) return excess('values')
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1
    } else if (code === COLON) {
      names += 1
      if (depth === 1) memberAt = stringAt
      if (names > max.names) return excess('names')
    }
  }
  return null
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** Escaped quotes are often near each other: `indexOf` is asked only after so many bytes. */
const nearBytes = 32

/** The text's end when there is none. */
function closingQuoteIn(bytes: Buffer, start: number): number {
  let at = start + 1
  for (;;) {
    const far = Math.min(at + nearBytes, bytes.length)
    while (at < far) {
      const code = bytes[at]
      if (code === QUOTE) return at
      at += code === BACKSLASH ? 2 : 1
    }
    at = bytes.indexOf(QUOTE, at)
    if (at === -1) return bytes.length
    if (!isEscapedIn(bytes, at)) return at
    at += 1
  }
}

function isEscapedIn(bytes: Buffer, at: number): boolean {
  let first = at
  while (bytes[first - 1] === BACKSLASH) first -= 1
  return (at - first) % 2 === 1
}

function stringIn(bytes: Buffer, start: number): string | null {
  return start === -1 ? null : bytes.toString('utf8', start + 1, closingQuoteIn(bytes, start))
}

/** The fewest characters of each: `"":0,` and `0,` and `"",`. */
const nameChars = 5
const valueChars = 2
const stringChars = 3

/**
 * Whether a text may pass a bound, so that `firstExcess` must look at it. This counts what strings
 * hold too. It takes 7 µs for 200 KB of messages, `firstExcess` 150.
 */
export function mayExceed(text: string, max: JsonBounds): boolean {
  const { length } = text
  const openers = Math.min(max.depth, max.containers)
  // More commas than names need not be too many values, but then `firstExcess` is quicker.
  const commas = Math.min(max.names, max.values - openers)
  return (
    hasMore(text, '{[', openers) ||
    (length > max.names * nameChars && hasMore(text, ':', max.names)) ||
    (length > max.values * valueChars && hasMore(text, ',', commas)) ||
    (length > max.strings * stringChars && hasMore(text, '"', max.strings)) ||
    hasMoreDigits(text, max.digits)
  )
}

function hasMore(text: string, chars: string, max: number): boolean {
  let count = 0
  for (const char of chars) {
    for (let at = text.indexOf(char); at !== -1; at = text.indexOf(char, at + 1)) {
      count += 1
      if (count > max) return true
    }
  }
  return false
}

/** Looks at every (max + 1)th character: a run of more than `max` digits covers one of them. */
function hasMoreDigits(text: string, max: number): boolean {
  for (let at = max; at < text.length; at += max + 1) {
    if (!isDigit(text.charCodeAt(at))) continue
    let start = at
    let end = at + 1
    while (end - start <= max && isDigit(text.charCodeAt(start - 1))) start -= 1
    while (end - start <= max && isDigit(text.charCodeAt(end))) end += 1
    if (end - start > max) return true
  }
  return false
}
