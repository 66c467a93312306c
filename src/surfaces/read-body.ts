// The first look at a body: bytes that are UTF-8, text that is a JSON object, no member twice.
// A second `model` must not slip past, because the body is spliced later and not written anew.
import { isAscii, isUtf8 } from 'node:buffer'
import { type CallBody, Fault, type JsonObject } from '#domain'
import { hasLoneSurrogate, hasMoreOpeners, isJsonObject, jsonShape, topLevelMembers } from '#wire'

/** So many brackets, strings included, are parsed in a few milliseconds however they nest. */
const simpleOpenersMax = 32_768
const depthMax = 256
const containersMax = 100_000

export interface ReadBody {
  value: JsonObject
  body: CallBody
}

export function readBody(bytes: Buffer): ReadBody {
  if (bytes.length === 0) throw unreadable('The request has no body.')
  if (!isAscii(bytes) && !isUtf8(bytes)) throw unreadable('The body is not valid UTF-8.')
  const text = bytes.toString('utf8')
  refuseCostly(text)
  if (hasLoneSurrogate(text)) throw unreadable('The body escapes half of a surrogate pair.')
  const value = parse(text)
  if (!isJsonObject(value)) throw unreadable('The body must be a JSON object.')
  const members = topLevelMembers(text)
  refuseDuplicates(members)
  return { value, body: { bytes, text, members } }
}

/** Parsing 20 MB of brackets takes seconds, in which nobody else is served. */
function refuseCostly(text: string): void {
  if (!hasMoreOpeners(text, simpleOpenersMax)) return
  const { depth, containers } = jsonShape(text)
  if (depth > depthMax) throw unreadable('The body nests too deeply.')
  if (containers > containersMax) throw unreadable('The body holds too many objects and arrays.')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message repeats the input: it stays here.
    throw unreadable('We could not parse the JSON body of your request.')
  }
}

function refuseDuplicates(members: CallBody['members']): void {
  const names = new Set<string>()
  for (const { name } of members) {
    if (names.has(name)) {
      throw new Fault('bad_request', {
        message: 'A member of the body is given twice.',
        param: safeName(name),
      })
    }
    names.add(name)
  }
}

/** A member's name is the client's own text: only plain names are said back. */
function safeName(name: string): string | null {
  return /^[\w.-]{1,64}$/.test(name) ? name : null
}

function unreadable(message: string): Fault {
  return new Fault('invalid_json', { message })
}
