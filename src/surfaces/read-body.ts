// The first look at a body: bytes that are UTF-8, text that is a JSON object, no member twice.
// A second `model` must not slip past, because the body is spliced later and not written anew.
import { isAscii, isUtf8 } from 'node:buffer'
import { type CallBody, Fault, type JsonObject } from '#domain'
import { isJsonObject, topLevelMembers } from '#wire'

export interface ReadBody {
  value: JsonObject
  body: CallBody
}

export function readBody(bytes: Buffer): ReadBody {
  if (bytes.length === 0) throw unreadable('The request has no body.')
  if (!isAscii(bytes) && !isUtf8(bytes)) throw unreadable('The body is not valid UTF-8.')
  const text = bytes.toString('utf8')
  const value = parse(text)
  if (!isJsonObject(value)) throw unreadable('The body must be a JSON object.')
  const members = topLevelMembers(text)
  refuseDuplicates(members)
  return { value, body: { text, members } }
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
