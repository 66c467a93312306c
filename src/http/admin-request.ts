// Reads the body or the query of an admin request, checked as a whole.
import { isUtf8 } from 'node:buffer'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { Fault } from '#domain'

/** A missing body counts as `{}`. */
export function bodyOf<S extends z.ZodType>(request: FastifyRequest, schema: S): z.output<S> {
  return checked(schema, parsedBody(request.body))
}

export function queryOf<S extends z.ZodType>(request: FastifyRequest, schema: S): z.output<S> {
  return checked(schema, request.query)
}

function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new Fault('bad_request', explained(issue))
}

function parsedBody(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) return {}
  if (!isUtf8(body)) throw unreadable()
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    // The parser's own message repeats the input, so it is not passed on.
    throw unreadable()
  }
}

function unreadable(): Fault {
  return new Fault('invalid_json', { message: 'The body is not valid JSON.' })
}

/** The client chose the names of its members: one is repeated only if it is plain. */
function explained(issue: z.core.$ZodIssue | undefined): { message: string; param: string | null } {
  if (issue === undefined) return { message: 'The request is invalid.', param: null }
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') path.push(issue.keys[0] ?? '')
  const name = path.join('.')
  const param = /^[\w.-]{1,128}$/.test(name) ? name : null
  const where = param === null ? 'the body' : `'${param}'`
  if (issue.code === 'unrecognized_keys') {
    return { message: `Unknown parameter: ${where}.`, param }
  }
  return { message: `Invalid value for ${where}: ${issue.message}.`, param }
}
