// JSON as Python's `json` module reads it. It differs from JavaScript's where a gateway's tests
// look: NaN and Infinity are numbers, and a broken text is refused with Python's words and offset.
// JavaScript's own parser goes first; this reader only sees what that one refused.

export type PythonJson =
  | { ok: true; value: unknown }
  /** Python's message, and where in the text it happened. */
  | { ok: false; message: string; at: number }

class Broken extends Error {
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

const depthMax = 500

export function readPythonJson(text: string): PythonJson {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return readSlowly(text)
  }
}

function readSlowly(text: string): PythonJson {
  try {
    const start = skipSpace(text, 0)
    const [value, end] = readValue(text, start, 0)
    const rest = skipSpace(text, end)
    if (rest < text.length) throw new Broken('Extra data', rest)
    return { ok: true, value }
  } catch (cause) {
    if (!(cause instanceof Broken)) throw cause
    return { ok: false, message: cause.message, at: cause.at }
  }
}

const words: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]

type Read = readonly [value: unknown, end: number]

function readValue(text: string, at: number, depth: number): Read {
  if (depth > depthMax) throw new Broken('Expecting value', at)
  if (text[at] === '"') return readString(text, at)
  if (text[at] === '{') return readObject(text, at + 1, depth)
  if (text[at] === '[') return readArray(text, at + 1, depth)
  for (const [word, value] of words) {
    if (text.startsWith(word, at)) return [value, at + word.length]
  }
  const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(text.slice(at, at + 400))
  if (number === null) throw new Broken('Expecting value', at)
  return [Number(number[0]), at + number[0].length]
}

function readObject(text: string, start: number, depth: number): Read {
  // Not by assignment: to `__proto__` that gives a member to nobody.
  const members: [name: string, value: unknown][] = []
  let at = skipSpace(text, start)
  if (text[at] === '}') return [{}, at + 1]
  for (;;) {
    if (text[at] !== '"') {
      throw new Broken('Expecting property name enclosed in double quotes', at)
    }
    const [name, nameEnd] = readString(text, at)
    at = skipSpace(text, nameEnd)
    if (text[at] !== ':') throw new Broken("Expecting ':' delimiter", at)
    const [item, itemEnd] = readValue(text, skipSpace(text, at + 1), depth + 1)
    members.push([name, item])
    at = skipSpace(text, itemEnd)
    if (text[at] === '}') return [Object.fromEntries(members), at + 1]
    if (text[at] !== ',') throw new Broken("Expecting ',' delimiter", at)
    const comma = at
    at = skipSpace(text, at + 1)
    if (text[at] === '}') throw new Broken('Illegal trailing comma before end of object', comma)
  }
}

function readArray(text: string, start: number, depth: number): Read {
  const value: unknown[] = []
  let at = skipSpace(text, start)
  if (text[at] === ']') return [value, at + 1]
  for (;;) {
    const [item, end] = readValue(text, at, depth + 1)
    value.push(item)
    at = skipSpace(text, end)
    if (text[at] === ']') return [value, at + 1]
    if (text[at] !== ',') throw new Broken("Expecting ',' delimiter", at)
    const comma = at
    at = skipSpace(text, at + 1)
    if (text[at] === ']') throw new Broken('Illegal trailing comma before end of array', comma)
  }
}

function readString(text: string, start: number): readonly [string, number] {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at]
    if (character === '"') return [unescaped(text, start, at + 1), at + 1]
    if (character === '\\') at += 1
    else if (text.charCodeAt(at) < 0x20) throw new Broken('Invalid control character at', at)
  }
  throw new Broken('Unterminated string starting at', start)
}

function unescaped(text: string, start: number, end: number): string {
  try {
    return String(JSON.parse(text.slice(start, end)))
  } catch {
    const wrong = /\\(?!["\\/bfnrtu])/.exec(text.slice(start, end))
    throw new Broken('Invalid \\escape', start + (wrong?.index ?? 0))
  }
}

function skipSpace(text: string, at: number): number {
  let end = at
  while (end < text.length && ' \t\n\r'.includes(text[end] ?? 'x')) end += 1
  return end
}
