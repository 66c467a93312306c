// Reads a body as JSON: its bytes must be UTF-8, its text a JSON object without a member given
// twice. A second `model` would reach the upstream, because the body is later spliced and not
// written anew. A large body is read in pieces, and other calls are served between them.
import { isAscii, isUtf8 } from 'node:buffer'
import { type CallBody, Fault, type JsonMember, type JsonObject } from '#domain'
import {
  escapesIn,
  firstExcess,
  isJsonObject,
  type JsonBounds,
  mayExceed,
  membersInBytes,
  type Pieces,
  parseInPieces,
  readByHand,
  topLevelMembers,
} from '#wire'

/**
 * They bound the whole text: the model's server also reads what our parser drops, such as the
 * first of two members of one name.
 */
const bounds: JsonBounds = {
  /** Python's parsers fail at about 1 000, and a worker then loses its whole batch of jobs. */
  depth: 256,
  containers: 100_000,
  /** V8 takes 1.5 µs for each object whose names it has not seen. */
  names: 50_000,
  values: 1_000_000,
  /** V8 looks each short string up in its table of known strings, which takes up to 0.4 µs. */
  strings: 100_000,
  /** Python reads no integer of more than 4 300 digits, and fails as it does on deep nesting. */
  digits: 1_000,
}

const excessTexts: Record<keyof JsonBounds, string> = {
  depth: 'nests too deeply',
  containers: 'holds too many objects and arrays',
  names: 'has too many members',
  values: 'holds too many values',
  strings: 'holds too many strings',
  digits: 'holds a number with too many digits',
}

/** The position of each member is kept for as long as its call runs. */
const membersMax = 1_000

/** Reading by hand takes twenty times as long as parsing: 40 ms for so many characters. */
const byHandCharsMax = 262_144

/** Longer texts are parsed in pieces (`parseInPieces`); parsing a shorter one whole is cheaper. */
const wholeCharsMax = 65_536

export interface ReadBody {
  value: JsonObject
  /** The body as text, in which `members` are positions. */
  text: string
  members: readonly JsonMember[]
  /** What the call keeps of it. */
  body: CallBody
}

export function* readBody(bytes: Buffer): Pieces<ReadBody> {
  if (bytes.length === 0) throw unreadable('The request has no body.')
  // The body waits as bytes: nothing was made of it yet.
  if (bytes.length > wholeCharsMax) yield
  const isPlain = isAscii(bytes)
  if (!isPlain && !isUtf8(bytes)) throw unreadable('The body is not valid UTF-8.')
  const text = bytes.toString(isPlain ? 'latin1' : 'utf8')
  refuseCostly(bytes, text)
  const { value, members } = yield* parse(text)
  if (members.length > membersMax) throw unreadable('The body has too many members.')
  const names = Object.keys(value)
  if (names.length !== members.length) throw givenTwice(members)
  takeNames(members, names)
  const body = { bytes, members: isPlain ? members : membersInBytes(text, members) }
  return { value, text, members, body }
}

/** Parsing 20 MB of brackets would stop the event loop for seconds. */
function refuseCostly(bytes: Buffer, text: string): void {
  if (!mayExceed(text, bounds)) return
  const excess = firstExcess(bytes, bounds)
  if (excess === null) return
  const { what, member } = excess
  const message = `The body ${excessTexts[what]}.`
  throw new Fault('invalid_json', { message, param: member === null ? null : safeName(member) })
}

function* parse(text: string): Pieces<Pick<ReadBody, 'value' | 'members'>> {
  const parsed = text.length > wholeCharsMax ? yield* parseInPieces(text) : null
  const value = parsed?.value ?? parseWhole(text)
  if (!isJsonObject(value)) throw unreadable('The body must be a JSON object.')
  const members = parsed?.members ?? topLevelMembers(text)
  const { hasBackslashName, hasLoneSurrogate } = escapesIn(text, value)
  const certain = hasBackslashName ? readAgain(text) : value
  // V8 may have misread such names, so the value that was read by hand is checked too.
  if (hasLoneSurrogate || (hasBackslashName && escapesIn(text, certain).hasLoneSurrogate)) {
    throw unreadable('The body escapes half of a surrogate pair.')
  }
  return { value: certain, members }
}

/** V8 may have read one name as another, and a rule could be evaded by that. */
function readAgain(text: string): JsonObject {
  if (text.length > byHandCharsMax) throw unreadable('Names must not hold backslashes here.')
  const value = readByHand(text)
  return isJsonObject(value) ? value : {}
}

function parseWhole(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the input, so it is not passed on.
    throw unreadable('We could not parse the JSON body of your request.')
  }
}

function givenTwice(members: readonly JsonMember[]): Fault {
  const names = new Set<string>()
  const twice = members.find(({ name }) => names.size === names.add(name).size)
  const param = twice === undefined ? null : safeName(twice.name)
  return new Fault('bad_request', { message: 'A member of the body is given twice.', param })
}

/** V8 keeps a whole text alive for a name of 13 or more characters that was cut out of it. */
function takeNames(members: readonly JsonMember[], names: readonly string[]): void {
  for (let at = 0; at < members.length; at += 1) {
    const member = members[at]
    const name = names[at]
    // An object lists names that look like numbers first, wherever they were written.
    if (member !== undefined && member.name === name) member.name = name
  }
}

/** A member's name is the client's own text: a message repeats it only where it is plain. */
export function safeName(name: string): string | null {
  return /^[\w.-]{1,64}$/.test(name) ? name : null
}

function unreadable(message: string): Fault {
  return new Fault('invalid_json', { message })
}
