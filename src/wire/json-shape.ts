// What can be told about a JSON text before it is parsed, in one pass that jumps over strings: how
// deep it nests, how many objects and arrays it makes, and whether its escapes spell characters
// that do not exist. Nothing is validated here: the text may be no JSON at all.
import { closingQuote, isEscaped } from './json-text.ts'

const QUOTE = 34
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

export interface JsonShape {
  depth: number
  containers: number
}

export function jsonShape(text: string): JsonShape {
  let deepest = 0
  let depth = 0
  let containers = 0
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
    }
  }
  return { depth: deepest, containers }
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

/** Half of a surrogate pair, escaped: JSON allows it, UTF-8 has no bytes for it. */
export function hasLoneSurrogate(text: string): boolean {
  let at = nextSurrogate(text, 0)
  while (at !== -1) {
    if (isEscaped(text, at)) {
      at = nextSurrogate(text, at + 2)
      continue
    }
    if (!isHigh(text, at) || !isLow(text, at + 6)) return true
    at = nextSurrogate(text, at + 12)
  }
  return false
}

function nextSurrogate(text: string, from: number): number {
  let at = text.indexOf('\\u', from)
  while (at !== -1 && !isHigh(text, at) && !isLow(text, at)) at = text.indexOf('\\u', at + 2)
  return at
}

function isHigh(text: string, at: number): boolean {
  return /^\\u[dD][89abAB]/.test(text.slice(at, at + 4))
}

function isLow(text: string, at: number): boolean {
  return /^\\u[dD][c-fC-F]/.test(text.slice(at, at + 4))
}
