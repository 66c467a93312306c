// The members of a JSON object in its bytes: where they stand, and the bytes written again with
// some members changed. So a client's body goes on without being made text a second time.
import type { JsonMember } from '#domain'
import type { JsonChanges } from './json-splice.ts'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  isSpace,
  OPEN_BRACE,
  OPEN_BRACKET,
} from './json-text.ts'

/** Where the members of a text stand in its UTF-8. */
export function membersInBytes(text: string, members: readonly JsonMember[]): JsonMember[] {
  let chars = 0
  let bytes = 0
  const byteAt = (char: number) => {
    bytes += Buffer.byteLength(text.slice(chars, char))
    chars = char
    return bytes
  }
  return members.map(({ name, start, valueStart, end }) => ({
    name,
    start: byteAt(start),
    valueStart: byteAt(valueStart),
    end: byteAt(end),
  }))
}

/** The object with the changes made, as `spliceMembers` writes it. */
export function spliceBytes(
  bytes: Buffer,
  members: readonly JsonMember[],
  changes: JsonChanges,
): Buffer {
  const out = Buffer.allocUnsafe(bytes.length + roomFor(changes))
  let at = 0
  let keptFrom = -1
  let keptUntil = -1
  for (const { name, start, valueStart, end } of members) {
    const change = changes.get(name)
    if (change === undefined && start === keptUntil + 1) {
      keptUntil = end
      continue
    }
    if (keptUntil !== -1) at = copy(bytes, keptFrom, keptUntil, out, at)
    keptFrom = start
    keptUntil = change === undefined ? end : -1
    if (typeof change === 'string') {
      at = copy(bytes, start, valueStart, out, at)
      at += out.write(change, at)
    }
  }
  if (keptUntil !== -1) at = copy(bytes, keptFrom, keptUntil, out, at)
  for (const [name, change] of changes) {
    if (change === null || members.some((member) => member.name === name)) continue
    at = separate(out, at)
    at += out.write(`${JSON.stringify(name)}:${change}`, at)
  }
  if (at === 0) at = separate(out, at)
  out[at] = CLOSE_BRACE
  return out.subarray(0, at + 1)
}

/** How many bytes the changes may add. */
function roomFor(changes: JsonChanges): number {
  let room = 0
  for (const [name, change] of changes) {
    if (change === null) continue
    // A character has up to three bytes, and up to six where it is escaped.
    room += name.length * 6 + change.length * 3 + 4
  }
  return room
}

function copy(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
  const from = separate(out, at)
  return from + bytes.copy(out, from, start, end)
}

/** Writes what stands before a member: the brace that opens the object, or a comma. */
function separate(out: Buffer, at: number): number {
  out[at] = at === 0 ? OPEN_BRACE : COMMA
  return at + 1
}

/** Whether a member's value is written exactly like this. */
export function isWrittenAs(bytes: Buffer, { valueStart, end }: JsonMember, text: string): boolean {
  if (end - valueStart !== text.length) return false
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    // Above 127, a character is more than one byte.
    if (code > 127 || code !== bytes[valueStart + at]) return false
  }
  return true
}

/** Whether a member's value is an array without items. */
export function isEmptyArray(bytes: Buffer, { valueStart }: JsonMember): boolean {
  if (bytes[valueStart] !== OPEN_BRACKET) return false
  let at = valueStart + 1
  while (isSpace(bytes[at] ?? CLOSE_BRACKET)) at += 1
  return bytes[at] === CLOSE_BRACKET
}
