// Parses a large JSON object in pieces: each top-level member by itself, a long array in runs of
// its items. V8 puts what JSON.parse makes of more than 100 KB into the old generation, where a
// call's 200 KB of strings wait for a collection of the whole heap. What it makes of 64 KB is swept
// with the young generation, and does not hold the text. The caller may work between two pieces: 4
// MB take up to 0.1 s. Every piece is judged by JSON.parse, and what stands between pieces is
// checked here, so a wrong guess of where to cut only fails to parse. Then the result is null, and
// the caller parses the whole at once.
import type { JsonMember, JsonObject } from '#domain'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  endOfString,
  endOfValue,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
} from './json-text.ts'

export interface ParsedObject {
  value: JsonObject
  members: JsonMember[]
}

/** Work in pieces: each `next` does one piece. */
export type Pieces<T> = Generator<undefined, T, undefined>

const usualPieceChars = 65_536

/** No client's body has more, and parsing them one by one would be slower than all at once. */
const membersMax = 256

export function* parseInPieces(
  text: string,
  pieceChars = usualPieceChars,
): Pieces<ParsedObject | null> {
  try {
    return yield* objectIn(text, pieceChars)
  } catch {
    return null
  }
}

function* objectIn(text: string, pieceChars: number): Pieces<ParsedObject | null> {
  const entries: [string, unknown][] = []
  const members: JsonMember[] = []
  let at = skipSpace(text, 0)
  if (text.charCodeAt(at) !== OPEN_BRACE) return null
  do {
    const start = skipSpace(text, at + 1)
    if (text.charCodeAt(start) !== QUOTE || members.length === membersMax) return null
    const nameEnd = endOfString(text, start)
    const name: string = JSON.parse(text.slice(start, nameEnd))
    const colon = skipSpace(text, nameEnd)
    if (text.charCodeAt(colon) !== COLON) return null
    const valueStart = skipSpace(text, colon + 1)
    const { value, end } = yield* valueAt(text, valueStart, pieceChars)
    entries.push([name, value])
    members.push({ name, start, valueStart, end })
    at = skipSpace(text, end)
  } while (text.charCodeAt(at) === COMMA)
  if (text.charCodeAt(at) !== CLOSE_BRACE || skipSpace(text, at + 1) !== text.length) return null
  // A member named `__proto__` becomes one, as it does in JSON.parse.
  return { value: Object.fromEntries(entries), members }
}

interface Parsed {
  value: unknown
  end: number
}

function* valueAt(text: string, start: number, pieceChars: number): Pieces<Parsed> {
  const mayBeLong = text.length - start > pieceChars
  if (mayBeLong && text.charCodeAt(start) === OPEN_BRACKET) {
    return yield* arrayAt(text, start, pieceChars)
  }
  const end = endOfValue(text, start)
  if (end - start > pieceChars) yield
  return { value: JSON.parse(text.slice(start, end)), end }
}

function* arrayAt(text: string, start: number, pieceChars: number): Pieces<Parsed> {
  const first = skipSpace(text, start + 1)
  if (text.charCodeAt(first) === CLOSE_BRACKET) return { value: [], end: first + 1 }
  const runs: unknown[][] = []
  let isGuessing = true
  let at = start
  do {
    const from = at + 1
    // Most arrays are short, and a wrong guess costs as much as a walk over 100 KB.
    const isFirst = runs.length === 0
    const mayGuess = isGuessing && (!isFirst || isScalar(text.charCodeAt(first)))
    let end = mayGuess ? guessedEnd(text, from, pieceChars) : -1
    let run = end === -1 ? null : itemsOrNull(text.slice(from, end))
    if (run === null) {
      // After one wrong guess, the rest of the array is walked item by item.
      isGuessing = isFirst
      end = endOfRun(text, from, isFirst ? pieceChars >> 3 : pieceChars)
      run = itemsIn(text.slice(from, end))
    }
    runs.push(run)
    yield
    at = skipSpace(text, end)
  } while (text.charCodeAt(at) === COMMA)
  if (text.charCodeAt(at) !== CLOSE_BRACKET) throw new SyntaxError('the array does not end')
  return { value: runs.length === 1 ? runs[0] : ([] as unknown[]).concat(...runs), end: at + 1 }
}

/** The items of a text that may stand between brackets; it must hold one at least. */
function itemsIn(text: string): unknown[] {
  const items: unknown[] = JSON.parse(`[${text}]`)
  if (items.length === 0) throw new SyntaxError('an item is missing')
  return items
}

function itemsOrNull(text: string): unknown[] | null {
  try {
    return itemsIn(text)
  } catch {
    return null
  }
}

/** How an item of this form ends and begins: with a comma between, unlikely within an item. */
interface Seam {
  closer: string
  opener: string
}

function seamOf(text: string, start: number): Seam {
  switch (text.charCodeAt(start)) {
    case OPEN_BRACE:
      // Objects of a list usually begin with the same member, and objects within them do not.
      return { closer: '}', opener: openingOf(text, start) }
    case OPEN_BRACKET:
      return { closer: ']', opener: '[' }
    case QUOTE:
      return { closer: '"', opener: '"' }
    default:
      return { closer: '', opener: '' }
  }
}

function isScalar(code: number): boolean {
  return code !== OPEN_BRACE && code !== OPEN_BRACKET && code !== QUOTE
}

function openingOf(text: string, start: number): string {
  const name = text.slice(start, start + 64)
  return name.slice(0, endOfString(name, 1))
}

/**
 * One behind the last item of a run; -1: no seam is near. A walk over 200 KB of messages takes half
 * as long as parsing them, and this search next to nothing.
 */
function guessedEnd(text: string, from: number, pieceChars: number): number {
  const enough = from + pieceChars
  const { closer, opener } = seamOf(text, skipSpace(text, from))
  if (closer === '') {
    // Numbers hold no bracket: the first one ends the array.
    const close = text.slice(from, enough).indexOf(']')
    if (close !== -1) return from + close
  }
  const soon = text.slice(enough, enough + pieceChars)
  const dense = soon.indexOf(`${closer},${opener}`)
  const at = dense === -1 ? soon.indexOf(`${closer}, ${opener}`) : dense
  return at === -1 ? -1 : enough + at + closer.length
}

/** The same by a walk over the text, which cannot be wrong. */
function endOfRun(text: string, from: number, pieceChars: number): number {
  let depth = 0
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = endOfString(text, at) - 1
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (depth === 0) return at
      depth -= 1
    } else if (code === COMMA && depth === 0 && at - from >= pieceChars) {
      return at
    }
  }
  return text.length
}
