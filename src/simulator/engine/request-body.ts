// Reads a request's body as vLLM's web framework does, with its refusals: not JSON by its media
// type, not UTF-8, not there, not JSON by its text, or JSON that is no object.
import { isUtf8 } from 'node:buffer'
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { readPythonJson } from './python-json.ts'
import { detail, invalid, missing, quoted, wrongMediaType } from './refusal.ts'

export function readBody(body: Buffer, mediaType: string | null): JsonObject {
  if (body.length === 0) throw invalid([missing('body', null)])
  if (mediaType !== null && !/^application\/([\w.-]+\+)?json\b/i.test(mediaType)) {
    throw wrongMediaType()
  }
  if (!isUtf8(body)) throw detail(400, 'There was an error parsing the body')
  const read = readPythonJson(body.toString('utf8'))
  if (!read.ok) throw brokenJson(read.message, read.at)
  if (!isJsonObject(read.value)) throw notAnObject(read.value)
  return read.value
}

function brokenJson(message: string, at: number) {
  return invalid([
    {
      type: 'json_invalid',
      loc: `body.${at}`,
      msg: 'JSON decode error',
      input: '<dict of 0 items>',
      ctx: { error: message },
    },
  ])
}

function notAnObject(value: unknown) {
  return invalid([
    {
      type: 'model_attributes_type',
      loc: 'body',
      msg: 'Input should be a valid dictionary or object to extract fields from',
      input: quoted(value),
    },
  ])
}
