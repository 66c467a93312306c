// Reads what Python's `repr` wrote of a dict: strings, numbers, None, booleans, lists and dicts.
// The text is a foreign server's: anything that is not exactly the repr of a dict is refused, and
// so is one that nests too deep.
import type { JsonObject } from '#domain'

const depthMax = 32

/** A value and where it ends; null: there is none. */
type Found<T = unknown> = { value: T; end: number } | null

/** The dict in a text; null when the text is anything else. */
export function readPythonDict(text: string): JsonObject | null {
  if (!text.startsWith('{')) return null
  const found = dictAt(text, 0, depthMax)
  return found !== null && found.end === text.length ? found.value : null
}

function valueAt(text: string, at: number, depth: number): Found {
  if (depth === 0) return null
  const first = text[at]
  if (first === '{') return dictAt(text, at, depth)
  if (first === '[') return listAt(text, at, depth)
  if (first === "'" || first === '"') return stringAt(text, at)
  return scalarAt(text, at)
}

function dictAt(text: string, start: number, depth: number): Found<JsonObject> {
  const members: [string, unknown][] = []
  const end = itemsEnd(text, start, '}', (at) => {
    const name = stringAt(text, at)
    if (name === null || !text.startsWith(': ', name.end)) return null
    const found = valueAt(text, name.end + 2, depth - 1)
    if (found !== null) members.push([name.value, found.value])
    return found
  })
  // So that `__proto__` becomes a member like any other.
  return end === null ? null : { value: Object.fromEntries(members), end }
}

function listAt(text: string, start: number, depth: number): Found {
  const items: unknown[] = []
  const end = itemsEnd(text, start, ']', (at) => {
    const found = valueAt(text, at, depth - 1)
    if (found !== null) items.push(found.value)
    return found
  })
  return end === null ? null : { value: items, end }
}

/** Reads items between brackets with `itemAt`; returns where the closing bracket ends. */
function itemsEnd(
  text: string,
  start: number,
  close: string,
  itemAt: (at: number) => Found,
): number | null {
  let at = start + 1
  if (text[at] === close) return at + 1
  for (;;) {
    const item = itemAt(at)
    if (item === null) return null
    if (text[item.end] === close) return item.end + 1
    if (!text.startsWith(', ', item.end)) return null
    at = item.end + 2
  }
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  n: '\n',
  r: '\r',
  t: '\t',
}
const plain = { "'": /[^'\\\n\r]*/y, '"': /[^"\\\n\r]*/y }
const numbered = /x([\da-f]{2})|u([\da-f]{4})|U(0010[\da-f]{4}|000[\da-f]{5})/y

function stringAt(text: string, start: number): Found<string> {
  const quote = text[start]
  if (quote !== "'" && quote !== '"') return null
  let value = ''
  let at = start + 1
  for (;;) {
    const run = matchAt(plain[quote], text, at)?.[0] ?? ''
    value += run
    at += run.length
    if (text[at] === quote) return { value, end: at + 1 }
    const escaped = escapeAt(text, at)
    if (escaped === null) return null
    value += escaped.value
    at = escaped.end
  }
}

function escapeAt(text: string, at: number): Found<string> {
  if (text[at] !== '\\') return null
  const short = escapes[text[at + 1] ?? '']
  if (short !== undefined) return { value: short, end: at + 2 }
  const match = matchAt(numbered, text, at + 1)
  if (match === null) return null
  const code = Number.parseInt(match[1] ?? match[2] ?? match[3] ?? '', 16)
  return { value: String.fromCodePoint(code), end: at + 1 + match[0].length }
}

const words = new Map<string, unknown>([
  ['None', null],
  ['True', true],
  ['False', false],
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
])
const scalar = /-?\d+(?:\.\d+)?(?:e[+-]\d{2,3})?|-?[A-Za-z]+/y

function scalarAt(text: string, at: number): Found {
  const found = matchAt(scalar, text, at)?.[0]
  if (found === undefined) return null
  const end = at + found.length
  if (words.has(found)) return { value: words.get(found), end }
  // A number that JavaScript cannot hold is rounded, as JSON.parse does.
  return /\d/.test(found) ? { value: Number(found), end } : null
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}
