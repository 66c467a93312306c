// What escapes may have done to a value that was parsed: names that V8 may have taken for others,
// and strings that spell characters that are none. Both are looked for in what was parsed, in one
// walk: V8 knows of most strings that they cannot hold either, where a look through the text stops
// at every backslash.
import { isJsonObject } from './json.ts'

export interface Escapes {
  /** A name, at any depth, holds a backslash. */
  hasBackslashName: boolean
  /** A string or a name holds half of a surrogate pair, for which UTF-8 has no bytes. */
  hasLoneSurrogate: boolean
}

/** Of a value whose nesting is known to be bounded. */
export function escapesIn(text: string, value: unknown): Escapes {
  const found = { hasBackslashName: false, hasLoneSurrogate: false }
  // Without one, no string is other than it was written.
  if (text.includes('\\')) lookAt(value, found)
  return found
}

function lookAt(value: unknown, found: Escapes): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) found.hasLoneSurrogate = true
  } else if (Array.isArray(value)) {
    for (const item of value) if (mayHold(item)) lookAt(item, found)
  } else if (isJsonObject(value)) {
    // Half the time of Object.keys. Nothing that was parsed has names from anywhere else.
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
