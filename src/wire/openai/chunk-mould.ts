// What the chunks of one stream have in common. They nearly always differ only in one string and in
// running counts. A mould is cut from one chunk, and finds string and counts in the bytes of
// another if all other bytes are the same. Whatever is true of the first chunk is then true of the
// other, which need not be parsed or made text: that takes a quarter of the time. A chunk that
// looks unusual in any way does not fit the mould.
import type { JsonMember, JsonObject, RepeatedChunk } from '#domain'
import { topLevelMembers } from '../json-splice.ts'
import { BACKSLASH, QUOTE } from '../json-text.ts'

/** `JSON.parse` finds the end of a longer string sooner than we do. */
const contentMax = 256
const textMax = 4096

/** A chunk keeps its packet, unless the packet is more than so many times as large. */
const packetFactor = 16

/** How an event of one line begins and ends. */
const opening = 'data: '
const closing = '\n\n'

export interface Mould {
  /** The event that begins at `at`, if it is a chunk that fits; null: it is any other. */
  cast(bytes: Buffer, at: number): RepeatedChunk | null
}

/** `text` must have passed `JSON.parse`. null: the chunk has no such string, or is too long. */
export function mouldOf(text: string): Mould | null {
  if (text.length > textMax) return null
  const members = membersAt(text, 0)
  const content = contentAmong(text, members)
  if (content === null) return null
  const usage = membersAt(text, named(members, 'usage')?.valueStart)
  // The counts that grow with each chunk. That of the prompt stays.
  const completion = named(usage, 'completion_tokens')
  const counts = [completion, named(usage, 'total_tokens')]
    .filter((member) => member !== undefined)
    .filter((member) => member.start > content.end && isCount(text, member))
    .sort((a, b) => a.start - b.start)
  const starts = [content.end, ...counts.map(({ end }) => end)]
  const ends = [...counts.map(({ valueStart }) => valueStart), text.length]
  const between = starts.map((start, at) => text.slice(start, ends[at]))
  between.push(`${between.pop()}${closing}`)
  const completionAt = counts.findIndex(({ start }) => start === completion?.start)
  const before = opening + text.slice(0, content.start)
  return new CutMould(
    Buffer.from(before),
    between.map((piece) => Buffer.from(piece)),
    completionAt,
  )
}

interface Span {
  start: number
  end: number
}

/** Where the one string stands in a chunk's text, without its quotes. */
function contentAmong(text: string, members: readonly JsonMember[]): Span | null {
  const choice = membersAt(text, named(members, 'choices')?.valueStart)
  const delta = membersAt(text, named(choice, 'delta')?.valueStart)
  const said =
    stringAmong(text, choice, 'text') ??
    stringAmong(text, delta, 'content') ??
    stringAmong(text, delta, 'reasoning_content') ??
    stringAmong(text, delta, 'reasoning')
  if (said !== null) return said
  const toolCall = membersAt(text, named(delta, 'tool_calls')?.valueStart)
  const asked = membersAt(text, named(toolCall, 'function')?.valueStart)
  return stringAmong(text, asked, 'arguments')
}

/** The members of the object at `start`, or of the first object of the list there. */
function membersAt(text: string, start: number | undefined): readonly JsonMember[] {
  if (start === undefined) return []
  const at = text[start] === '[' ? start + 1 : start
  return text[at] === '{' ? topLevelMembers(text, at + 1) : []
}

/** If a name is given twice, the last one counts. */
function named(members: readonly JsonMember[], name: string): JsonMember | undefined {
  return members.findLast((member) => member.name === name)
}

function stringAmong(text: string, members: readonly JsonMember[], name: string): Span | null {
  const member = named(members, name)
  if (member === undefined || text[member.valueStart] !== '"') return null
  return { start: member.valueStart + 1, end: member.end - 1 }
}

function isCount(text: string, { valueStart, end }: JsonMember): boolean {
  return /^(?:0|[1-9]\d{0,8})$/.test(text.slice(valueStart, end))
}

class CutMould implements Mould {
  readonly #before: Buffer
  /** What follows the string, and each count. */
  readonly #between: readonly Buffer[]
  readonly #completionAt: number

  constructor(before: Buffer, between: readonly Buffer[], completionAt: number) {
    this.#before = before
    this.#between = between
    this.#completionAt = completionAt
  }

  cast(bytes: Buffer, at: number): RepeatedChunk | null {
    const before = this.#before
    if (!isThere(before, bytes, at)) return null
    const start = at + before.length
    const contentEnd = endOfContent(bytes, start)
    if (contentEnd === -1) return null
    let completionTokens: number | null = null
    let end = contentEnd
    for (let index = 0; index < this.#between.length; index += 1) {
      if (index > 0) {
        const countEnd = endOfCount(bytes, end)
        if (countEnd === -1) return null
        if (index - 1 === this.#completionAt) completionTokens = countIn(bytes, end, countEnd)
        end = countEnd
      }
      const piece = this.#between[index]
      if (piece === undefined || !isThere(piece, bytes, end)) return null
      end += piece.length
    }
    const content = bytes.toString('utf8', start, contentEnd)
    const size = end - at
    // The chunk may be held for a while, and must not hold a packet much larger than itself.
    const isSmall = bytes.length > size * packetFactor
    const own = isSmall ? Buffer.from(bytes.subarray(at, end)) : bytes
    const span = isSmall
      ? { at: 0, contentAt: start - at, end: size }
      : { at, contentAt: start, end }
    return new Cast(this, own, span, content, completionTokens)
  }
}

/** A loop: for a hundred bytes, calling a native comparison takes longer. */
function isThere(piece: Buffer, bytes: Buffer, from: number): boolean {
  if (from + piece.length > bytes.length) return false
  for (let at = 0; at < piece.length; at += 1) if (bytes[from + at] !== piece[at]) return false
  return true
}

interface EventSpan {
  at: number
  contentAt: number
  end: number
}

/** Its text and value are made only when asked for, which is seldom. */
class Cast implements RepeatedChunk {
  readonly kind = 'chunk'
  readonly mould: Mould
  readonly content: string
  readonly completionTokens: number | null
  readonly #bytes: Buffer
  readonly #span: EventSpan

  constructor(mould: Mould, bytes: Buffer, span: EventSpan, content: string, count: number | null) {
    this.mould = mould
    this.content = content
    this.completionTokens = count
    this.#bytes = bytes
    this.#span = span
  }

  get size(): number {
    return this.#span.end - this.#span.at
  }

  get text(): string {
    const { at, end } = this.#span
    return this.#bytes.toString('utf8', at + opening.length, end - closing.length)
  }

  get contentAt(): number {
    const { at, contentAt } = this.#span
    return this.#bytes.toString('utf8', at + opening.length, contentAt).length
  }

  get value(): JsonObject {
    return JSON.parse(this.text)
  }
}

const ZERO = 48
const escapes = Buffer.from('"\\/bfnrt')

/** The quote that ends a valid JSON string; -1 where a quick look cannot tell. */
function endOfContent(bytes: Buffer, start: number): number {
  const last = Math.min(bytes.length, start + contentMax)
  for (let at = start; at < last; at += 1) {
    const code = bytes[at] ?? 0
    if (code === QUOTE) return at
    if (code < 32) return -1
    if (code === BACKSLASH) {
      at += 1
      if (at >= last || !escapes.includes(bytes[at] ?? 0)) return -1
    }
  }
  return -1
}

/** Where a count of at most nine digits ends; -1: there is none. */
function endOfCount(bytes: Buffer, start: number): number {
  let at = start
  while (at < start + 10 && isDigit(bytes[at] ?? 0)) at += 1
  const digits = at - start
  if (digits === 0 || digits > 9) return -1
  return digits > 1 && bytes[start] === ZERO ? -1 : at
}

function countIn(bytes: Buffer, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at += 1) count = count * 10 + (bytes[at] ?? ZERO) - ZERO
  return count
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= ZERO + 9
}
