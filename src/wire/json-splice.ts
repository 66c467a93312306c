// Finds the top-level members of a JSON object in its text, and writes the text again with some of
// them replaced, left out or added. What is not named stays as it came, to the byte: parsing and
// re-stringifying 200 KB costs more than a whole relayed call, and would change big integers.
//
// The text must already have passed `JSON.parse`: nothing is validated here.
import type { JsonMember } from '#domain'

/** Text of a member's new value; null leaves the member out. */
export type JsonChanges = ReadonlyMap<string, string | null>

const QUOTE = 34
const COMMA = 44
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

export function topLevelMembers(text: string): JsonMember[] {
  const members: JsonMember[] = []
  let at = skipSpace(text, text.indexOf('{') + 1)
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = endOfString(text, at)
    const valueStart = skipSpace(text, text.indexOf(':', nameEnd) + 1)
    const end = endOfValue(text, valueStart)
    members.push({ name: nameIn(text, at, nameEnd), start: at, valueStart, end })
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return members
}

/** The object's text with the changes made; members that it lacked are added at its end. */
export function spliceMembers(
  text: string,
  members: readonly JsonMember[],
  changes: JsonChanges,
): string {
  let out = ''
  const seen = new Set<string>()
  for (const member of members) {
    const change = changes.get(member.name)
    if (change === null) continue
    if (out !== '') out += ','
    if (change === undefined) {
      out += text.slice(member.start, member.end)
    } else {
      out += text.slice(member.start, member.valueStart) + change
      seen.add(member.name)
    }
  }
  for (const [name, change] of changes) {
    if (change === null || seen.has(name)) continue
    out += `${out === '' ? '' : ','}${JSON.stringify(name)}:${change}`
  }
  return `{${out}}`
}

function nameIn(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1)
  // `"mod\u0065l"` is the member `model` too: a name that is written otherwise must not slip past.
  return raw.includes('\\') ? String(JSON.parse(text.slice(start, end))) : raw
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at += 1
  return at
}

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9
}

/** One behind the closing quote. Jumping from quote to quote is what makes long prompts cheap. */
function endOfString(text: string, start: number): number {
  let at = text.indexOf('"', start + 1)
  while (isEscaped(text, at)) at = text.indexOf('"', at + 1)
  return at + 1
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1
  return backslashes % 2 === 1
}

function endOfValue(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === QUOTE) return endOfString(text, start)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNested(text, start)
  let at = start
  while (at < text.length && !endsScalar(text.charCodeAt(at))) at += 1
  return at
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSE_BRACE || isSpace(code)
}

function endOfNested(text: string, start: number): number {
  let depth = 0
  let at = start
  do {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = endOfString(text, at)
      continue
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1
    at += 1
  } while (depth > 0)
  return at
}
