// Finds the top-level members of a JSON object in its text, and writes the text again with some of
// them replaced, left out or added. All others stay as they came, to the byte: to parse and
// stringify 200 KB costs more than a whole relayed call, and would change big integers. The text
// must have passed `JSON.parse`: nothing is validated here.
import type { JsonMember } from '#domain'
import { CLOSE_BRACKET, COMMA, closingQuote, endOfValue, QUOTE, skipSpace } from './json-text.ts'

/** The text of a member's new value; null leaves the member out. */
export type JsonChanges = ReadonlyMap<string, string | null>

/** `from`: behind the object's brace, or where one of its members starts. */
export function topLevelMembers(text: string, from = text.indexOf('{') + 1): JsonMember[] {
  const members: JsonMember[] = []
  let at = skipSpace(text, from)
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = closingQuote(text, at) + 1
    const valueStart = skipSpace(text, text.indexOf(':', nameEnd) + 1)
    const end = endOfValue(text, valueStart)
    members.push({ name: nameIn(text, at, nameEnd), start: at, valueStart, end })
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return members
}

/** An object's first members, as `spliceHead` wrote them for texts with the same beginning. */
export interface SplicedHead {
  out: string
  names: ReadonlySet<string>
}

const noHead: SplicedHead = { out: '', names: new Set() }

/** The object's text with the changes made; members that it lacked are added at its end. */
export function spliceMembers(
  text: string,
  members: readonly JsonMember[],
  changes: JsonChanges,
  head = noHead,
): string {
  let out = copyMembers(text, members, changes, head.out)
  for (const [name, change] of changes) {
    if (change === null || head.names.has(name)) continue
    if (members.some((member) => member.name === name)) continue
    out = joined(out, `${JSON.stringify(name)}:${change}`)
  }
  return `{${out}}`
}

/** Writes an object's first members once for all texts that begin with them. */
export function spliceHead(
  text: string,
  members: readonly JsonMember[],
  changes: JsonChanges,
): SplicedHead {
  const names = new Set(members.map(({ name }) => name))
  return { out: copyMembers(text, members, changes, ''), names }
}

/** Copies neighbours that stay in one piece: this runs for every chunk of every stream. */
function copyMembers(
  text: string,
  members: readonly JsonMember[],
  changes: JsonChanges,
  before: string,
): string {
  let out = before
  let keptFrom = 0
  let keptUntil = 0
  for (const { name, start, valueStart, end } of members) {
    const change = changes.get(name)
    const isNeighbour = change === undefined && start === keptUntil + 1
    if (keptFrom < keptUntil && !isNeighbour) {
      out = joined(out, text.slice(keptFrom, keptUntil))
      keptFrom = keptUntil
    }
    if (change === undefined) {
      if (!isNeighbour || keptFrom === keptUntil) keptFrom = start
      keptUntil = end
    } else if (change !== null) {
      out = joined(out, text.slice(start, valueStart) + change)
    }
  }
  return keptFrom < keptUntil ? joined(out, text.slice(keptFrom, keptUntil)) : out
}

function joined(out: string, piece: string): string {
  return out === '' ? piece : `${out},${piece}`
}

/** Each item of an array, as its text. */
export function arrayItems(text: string): string[] {
  const items: string[] = []
  let at = skipSpace(text, 1)
  while (at < text.length && text.charCodeAt(at) !== CLOSE_BRACKET) {
    const end = endOfValue(text, at)
    items.push(text.slice(at, end))
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return items
}

function nameIn(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1)
  // `"mod\u0065l"` is the member `model` too, and must not slip past.
  return raw.includes('\\') ? String(JSON.parse(text.slice(start, end))) : raw
}
