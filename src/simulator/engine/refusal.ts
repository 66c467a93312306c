// A request that vLLM does not take: its status and body, in one of three families. Checks of its
// own say `BadRequestError` and name the parameter at the end of the message; its validation layer
// says `Bad Request` with a list of Python dicts; unknown routes get a bare `detail`.
import type { JsonObject } from '#domain'
import { pythonRepr } from '#wire'

export class EngineRefusal extends Error {
  readonly status: number
  readonly body: string
  constructor(status: number, body: string) {
    super(body)
    this.status = status
    this.body = body
  }
}

/** One line of the validation layer's list, its members in pydantic's order. */
export interface Mistake {
  type: string
  loc: string
  msg: string
  input: string
  ctx?: { readonly [name: string]: unknown }
}

/** The validation layer names so many mistakes and counts the others. */
const mistakesShownMax = 10

export function badRequest(message: string, param: string | null = null): EngineRefusal {
  return refusal(400, message, 'BadRequestError', param)
}

/** A value out of bounds: the message ends with what was given. */
export function badValue(message: string, param: string, value?: string): EngineRefusal {
  const given = value === undefined ? '' : `, value=${value}`
  return badRequest(`${message} (parameter=${param}${given})`, param)
}

export function invalid(mistakes: readonly Mistake[], total = mistakes.length): EngineRefusal {
  const lines = mistakes.slice(0, mistakesShownMax).map((mistake) => `  ${pythonRepr(mistake)}`)
  const more = total > lines.length ? `\n  ...and ${total - lines.length} more errors` : ''
  const head = `${total} validation error${total === 1 ? '' : 's'}:\n`
  return refusal(400, head + lines.join('\n') + more, 'Bad Request', mistakes[0]?.loc ?? null)
}

export function wrongMediaType(): EngineRefusal {
  const line = "Unsupported Media Type: Only 'application/json' is allowed"
  return refusal(400, `1 validation error:\n  ${line}`, 'Bad Request', null)
}

/** A model of another name than the one that is served; pooling routes give no hint. */
export function checkModel({ model }: JsonObject, served: string, hasHint = true): void {
  if (typeof model !== 'string' || model === served) return
  const hint = hasHint ? ` Valid aliases: ${served}.` : ''
  const message = `The model \`${model}\` does not exist.${hint}`
  throw refusal(404, message, 'NotFoundError', hasHint ? 'model' : null)
}

export function busy(): EngineRefusal {
  const message =
    'The engine is currently busy and cannot accept new requests. ' +
    'Please try again later or on a different instance.'
  return refusal(503, message, 'Service Unavailable', null)
}

export function internalError(message: string): EngineRefusal {
  return refusal(500, message, 'InternalServerError', null)
}

export function detail(status: number, text: string): EngineRefusal {
  return new EngineRefusal(status, JSON.stringify({ detail: text }))
}

const deadMessage = 'EngineCore encountered an issue. See stack trace (above) for the root cause.'

/** What vLLM 0.32 says when its engine process is gone. */
export const engineDead = internalError(deadMessage)

/** The same inside a stream, which says `[DONE]` all the same. Python's spacing: another part of
 * vLLM writes it than whole answers. */
export const engineDeadEvent =
  `data: {"error": {"message": "${deadMessage}", "type": "InternalServerError", "param": null, ` +
  '"code": 500}}\n\n'

export function missing(loc: string, given: unknown): Mistake {
  return { type: 'missing', loc, msg: 'Field required', input: quoted(given) }
}

/** A value that is none of those that are `expected`. */
export function literalError(loc: string, expected: string, given: unknown): Mistake {
  const msg = `Input should be ${expected}`
  return { type: 'literal_error', loc, msg, input: quoted(given), ctx: { expected } }
}

/** How the validation layer quotes what was given. */
export function quoted(value: unknown): string {
  if (Array.isArray(value)) return `<list of ${value.length} items>`
  if (typeof value === 'object' && value !== null) {
    return `<dict of ${Object.keys(value).length} items>`
  }
  return typeof value === 'string' ? value : pythonRepr(value)
}

function refusal(
  status: number,
  message: string,
  type: string,
  param: string | null,
): EngineRefusal {
  return new EngineRefusal(
    status,
    JSON.stringify({ error: { message, type, param, code: status } }),
  )
}
