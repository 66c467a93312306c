// Errors in OpenAI's envelope and words: `{"error":{message,type,param,code}}`, where `code` is a
// string or null and never a number, as it is in vLLM's.
import { STATUS_CODES } from 'node:http'
import { isJsonObject, parseObject } from '#wire'

export interface OpenaiError {
  readonly status: number
  readonly message: string
  readonly type?: string
  readonly param?: string
  readonly code?: string
}

export function errorBody(given: OpenaiError): string {
  const { message, type = 'invalid_request_error', param = null, code = null } = given
  return JSON.stringify({ error: { message, type, param, code } })
}

const serverFailed =
  'The server had an error while processing your request. Sorry about that! Please contact us ' +
  'through our help center if the error persists.'

/** What a status says by itself: of a fault rule, or where the engine is at fault. */
export function bodyOfStatus(status: number): string {
  if (status === 429) {
    const message =
      'Rate limit reached for organization org-sim on requests per min (RPM): Limit 10000, ' +
      'Used 10000, Requested 1. Please try again in 1s.'
    return errorBody({ status, message, type: 'requests', code: 'rate_limit_exceeded' })
  }
  if (status === 503) {
    const message = 'The engine is currently overloaded, please try again later.'
    const type = 'service_unavailable_error'
    return errorBody({ status, message, type, code: 'server_is_overloaded' })
  }
  if (status >= 500) return errorBody({ status, message: serverFailed, type: 'server_error' })
  if (status === 401) return errorBody(incorrectKey(''))
  return errorBody({ status, message: STATUS_CODES[status] ?? 'Error' })
}

export function missingKey(): OpenaiError {
  const message =
    "You didn't provide an API key. You need to provide your API key in an Authorization header " +
    'using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).'
  return { status: 401, message }
}

/** OpenAI repeats the first and the last letters of a long key. */
export function incorrectKey(given: string): OpenaiError {
  const shown = given.length > 12 ? `${given.slice(0, 4)}****${given.slice(-4)}` : '****'
  const message = `Incorrect API key provided: ${shown}.`
  return { status: 401, message, code: 'invalid_api_key' }
}

export function unknownModel(model: string): OpenaiError {
  const message = `The model \`${model}\` does not exist or you do not have access to it.`
  return { status: 404, message, code: 'model_not_found' }
}

/** What the engine refuses in vLLM's words, as OpenAI would say it. */
export function bodyOfRefusal(status: number, body: string): string {
  if (status >= 500) return bodyOfStatus(status)
  const error = parseObject(body)?.error
  const said = isJsonObject(error) ? error : {}
  const param = typeof said.param === 'string' ? said.param.replace(/^body\./, '') : undefined
  const named = param === undefined ? {} : { param }
  const message = String(said.message ?? '').replace(/ \(parameter=.*\)$/s, '')
  if (message.startsWith("This model's maximum context length")) {
    return errorBody({ status, message, param: 'messages', code: 'context_length_exceeded' })
  }
  // The validation layer says it in the repr of a Python dict.
  if (said.type === 'Bad Request') {
    const what = param === undefined ? 'Invalid request.' : `Invalid value for '${param}'.`
    return errorBody({ status, message: what, ...named })
  }
  return errorBody({ status, message, ...named })
}
