// What can be told about a JSON text before it is parsed, in one pass that jumps over strings: how
// deep it nests, how many objects and arrays it makes, and whether its escapes spell characters
// that do not exist. Nothing is validated here: the text may be no JSON at all.
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  closingQuote,
  isEscaped,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './json-text.ts'

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
  let at = text.indexOf('\\u')
  while (at !== -1) {
    const half = halfAt(text, at)
    if (half === null || isEscaped(text, at)) {
      at = text.indexOf('\\u', at + 2)
      continue
    }
    if (half === 'low' || halfAt(text, at + 6) !== 'low') return true
    at = text.indexOf('\\u', at + 12)
  }
  return false
}

/** Which half of a pair the escape spells: `\ud800` to `\udbff` is the high one. */
function halfAt(text: string, at: number): 'high' | 'low' | null {
  if (!text.startsWith('\\u', at) || lowerCase(text.charCodeAt(at + 2)) !== LETTER_D) return null
  const digit = lowerCase(text.charCodeAt(at + 3))
  if (digit === 56 || digit === 57 || digit === LETTER_A || digit === LETTER_B) return 'high'
  return digit > LETTER_B && digit <= LETTER_F ? 'low' : null
}

const LETTER_A = 97
const LETTER_B = 98
const LETTER_D = 100
const LETTER_F = 102

/** Digits stay what they are. */
function lowerCase(code: number): number {
  return code | 32
}
