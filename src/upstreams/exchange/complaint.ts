// Reads what a foreign failure says: an envelope in JSON, a bare text, or the repr of a Python dict
// in which a worker quotes the envelope of its server. These may be wrapped in each other: layer by
// layer, this looks for the innermost status, class and message. It decides nothing.
import type { JsonObject } from '#domain'
import { isJsonObject, parseObject, readPythonDict } from '#wire'

export interface Complaint {
  status: number
  /** The model's own server said it, and a worker passed it on. */
  isQuoted: boolean
  message: string
  /** The class of the error, or OpenAI's code of it. */
  type: string
  param: string | null
}

/** Three were seen: an envelope, in a worker's words, in an envelope. */
const layersMax = 6
/** Nobody needs to know more of the path to a parameter. */
const pathNamesMax = 20

/** OpenAI's codes and vLLM's classes say more than a status that a proxy made up. */
const statusByName: Readonly<Record<string, number>> = {
  insufficient_quota: 402,
  invalid_api_key: 401,
  authentication_error: 401,
  permission_error: 403,
  model_not_found: 404,
  rate_limit_exceeded: 429,
  context_length_exceeded: 400,
  invalid_request_error: 400,
  BadRequestError: 400,
  'Bad Request': 400,
  AuthenticationError: 401,
  NotFoundError: 404,
  UnprocessableEntityError: 422,
  NotImplementedError: 501,
  'Service Unavailable': 503,
}

/** What a body says; `status` counts where the body has none of its own. */
export function complaintIn(body: JsonObject | null, status: number): Complaint {
  if (body === null) return bare('', status)
  return complaintOf(body.error ?? body, status)
}

/** What an error says: an object or a text. */
export function complaintOf(error: unknown, status: number | null): Complaint {
  let found = layerOf(error, status)
  for (let layers = 1; layers < layersMax; layers += 1) {
    const inner = quotedIn(found)
    if (inner === null) break
    found = inner
  }
  return found
}

function layerOf(error: unknown, status: number | null): Complaint {
  if (!isJsonObject(error)) return bare(typeof error === 'string' ? error : '', status ?? 500)
  const type = namedIn(error)
  return {
    status: httpError(error.code) ?? statusNamed(error, status) ?? 500,
    isQuoted: false,
    message: textOf(error.message) ?? textOf(error.detail) ?? '',
    type,
    param: textOf(error.param) ?? pathIn(error.detail),
  }
}

/** The HTTP status counts more than the class, except where the class says: no quota left. */
function statusNamed(error: JsonObject, status: number | null): number | null {
  const byCode = statusByName[textOf(error.code) ?? ''] ?? null
  const byType = statusByName[textOf(error.type) ?? ''] ?? null
  if (byType === 402) return byType
  return byCode ?? (status !== null && status >= 400 ? status : byType)
}

/** The next layer, where the message holds one. */
function quotedIn({ message, status }: Complaint): Complaint | null {
  const match = /^vLLM returned HTTP (\d{3}): ([\s\S]*)$/.exec(message)
  if (match !== null) {
    const inner = parseObject(match[2] ?? '')
    return { ...layerOf(inner?.error ?? inner, Number(match[1])), isQuoted: true }
  }
  if (!message.startsWith('{')) return null
  const inner = readPythonDict(message) ?? parseObject(message)
  return inner === null ? null : layerOf(inner.error ?? inner, status)
}

function bare(message: string, status: number): Complaint {
  return { status, isQuoted: false, message, type: '', param: null }
}

function namedIn(error: JsonObject): string {
  const code = textOf(error.code)
  return code !== null && Object.hasOwn(statusByName, code) ? code : (textOf(error.type) ?? '')
}

/** FastAPI names the path: `{"detail":[{"loc":["body","stop",0],…}]}`. */
function pathIn(detail: unknown): string | null {
  const first: unknown = Array.isArray(detail) ? detail[0] : null
  if (!isJsonObject(first) || !Array.isArray(first.loc)) return null
  const names = first.loc.slice(0, pathNamesMax)
  return names.filter((name) => typeof name === 'string' || typeof name === 'number').join('.')
}

function httpError(code: unknown): number | null {
  const number = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code
  if (typeof number !== 'number' || !Number.isInteger(number)) return null
  return number >= 400 && number <= 599 ? number : null
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
