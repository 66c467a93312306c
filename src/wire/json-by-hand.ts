// Reads JSON once more that `JSON.parse` may have read wrongly: every Node from 24.0 to 26.10, the
// newest of today, needs this (nodejs/node issue 63785). V8 compares a name with an escape, as it
// is written, with names that it has met: in `{"n":1,"b\n":2}` it reads the second name as `b\` if
// somebody has sent that name after an `n`. A wrong name always holds a backslash, so only values
// with such a name are read by hand. Here each name is parsed alone, which V8 does rightly.
import type { JsonObject } from '#domain'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  endOfString,
  endOfValue,
  OPEN_BRACE,
  OPEN_BRACKET,
  skipSpace,
} from './json-text.ts'

/** The nesting of the text must be bounded. */
export function readByHand(text: string): unknown {
  return valueAt(text, skipSpace(text, 0)).value
}

interface Read {
  value: unknown
  end: number
}

function valueAt(text: string, start: number): Read {
  switch (text.charCodeAt(start)) {
    case OPEN_BRACE:
      return objectAt(text, start)
    case OPEN_BRACKET:
      return arrayAt(text, start)
    default: {
      const end = endOfValue(text, start)
      return { value: JSON.parse(text.slice(start, end)), end }
    }
  }
}

function objectAt(text: string, start: number): Read {
  const entries: [string, unknown][] = []
  let at = skipSpace(text, start + 1)
  while (text.charCodeAt(at) !== CLOSE_BRACE) {
    const nameEnd = endOfString(text, at)
    const name: string = JSON.parse(text.slice(at, nameEnd))
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const { value, end } = valueAt(text, valueStart)
    entries.push([name, value])
    at = behindComma(text, end)
  }
  // A member named `__proto__` becomes one, as it does in JSON.parse.
  const value: JsonObject = Object.fromEntries(entries)
  return { value, end: at + 1 }
}

function arrayAt(text: string, start: number): Read {
  const value: unknown[] = []
  let at = skipSpace(text, start + 1)
  while (text.charCodeAt(at) !== CLOSE_BRACKET) {
    const item = valueAt(text, at)
    value.push(item.value)
    at = behindComma(text, item.end)
  }
  return { value, end: at + 1 }
}

function behindComma(text: string, from: number): number {
  const at = skipSpace(text, from)
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at
}
