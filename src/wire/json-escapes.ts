// Finds two things that escapes in a JSON text may leave in the parsed value: names with a
// backslash, which V8 may have read wrongly, and strings with half of a surrogate pair. One walk
// over the value finds both. That is cheaper than a walk over the text, which stops at every
// backslash; of most strings V8 knows that they can hold neither.
import { isJsonObject } from './json.ts'

export interface Escapes {
  /** A name, at any depth, holds a backslash. */
  hasBackslashName: boolean
  /** A string or a name holds half of a surrogate pair, for which UTF-8 has no bytes. */
  hasLoneSurrogate: boolean
}

/** The nesting of the value must be bounded. */
export function escapesIn(text: string, value: unknown): Escapes {
  const found = { hasBackslashName: false, hasLoneSurrogate: false }
  // Without a backslash, the text holds no escapes.
  if (text.includes('\\')) lookAt(value, found)
  return found
}

function lookAt(value: unknown, found: Escapes): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) found.hasLoneSurrogate = true
  } else if (Array.isArray(value)) {
    for (const item of value) if (mayHold(item)) lookAt(item, found)
  } else if (isJsonObject(value)) {
    // Half the time of Object.keys. Parsed objects inherit no names that this would find.
    for (const name in value) {
      if (name.includes('\\')) found.hasBackslashName = true
      if (!name.isWellFormed()) found.hasLoneSurrogate = true
      const held = value[name]
      if (mayHold(held)) lookAt(held, found)
    }
  }
}

function mayHold(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null)
}
