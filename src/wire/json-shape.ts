// What can be told about a JSON text before it is parsed, in one pass that jumps over strings: how
// deep it nests, how many objects and arrays it makes, and how many members they have. Nothing is
// validated here: the text may be no JSON at all. And once it is parsed, whether its escapes spell
// characters that are none.
import { isJsonObject } from './json.ts'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  closingQuote,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './json-text.ts'

export interface JsonShape {
  depth: number
  containers: number
  names: number
}

export function jsonShape(text: string): JsonShape {
  let deepest = 0
  let depth = 0
  let containers = 0
  let names = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = closingQuote(text, at)
      if (at === -1) break
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      containers += 1
      depth += 1
      if (depth > deepest) deepest = depth
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1
    } else if (code === COLON) {
      names += 1
    }
  }
  return { depth: deepest, containers, names }
}

/** A member of an object takes no less: `"":0,`. */
const memberCharsMin = 5

/** Whether a text has more members than `max`, those that only stand in strings included. */
export function hasMoreNames(text: string, max: number): boolean {
  if (text.length <= max * memberCharsMin) return false
  let count = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    count += 1
    if (count > max) return true
  }
  return false
}

/**
 * Whether a text opens more objects and arrays than `max`, those that only stand in strings
 * included: a bound on both that takes a tenth of the time of the exact numbers.
 */
export function hasMoreOpeners(text: string, max: number): boolean {
  if (text.length <= max) return false
  let count = 0
  for (const opener of '{[') {
    for (let at = text.indexOf(opener); at !== -1; at = text.indexOf(opener, at + 1)) {
      count += 1
      if (count > max) return true
    }
  }
  return false
}

const shortChars = 4096

/**
 * Half of a surrogate pair, escaped: JSON allows it, UTF-8 has no bytes for it. Looked for in what
 * was parsed, because V8 knows of most strings that they cannot hold one, where a look through the
 * text stops at every backslash: 100 µs for 200 KB of messages, against 10.
 */
export function hasLoneSurrogate(text: string, value: unknown): boolean {
  // In a short text the backslashes are few, and looking at them is less than looking at values.
  if (!text.includes(text.length < shortChars ? '\\u' : '\\')) return false
  const left: unknown[] = [value]
  while (left.length > 0) {
    const one = left.pop()
    if (typeof one === 'string') {
      if (!one.isWellFormed()) return true
    } else if (Array.isArray(one)) {
      for (const item of one) if (mayHold(item)) left.push(item)
    } else if (isJsonObject(one)) {
      for (const name of Object.keys(one)) {
        if (!name.isWellFormed()) return true
        if (mayHold(one[name])) left.push(one[name])
      }
    }
  }
  return false
}

function mayHold(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null)
}
