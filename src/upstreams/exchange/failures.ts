// What a foreign failure means. This folder is the only place that looks at other people's error
// bodies, and nothing of their text goes on: messages to clients are ours, and the cause for the
// operator names statuses and classes only, because validation errors repeat the prompt.
import { Fault, type JsonObject, type Started } from '#domain'
import { isJsonObject, parseObject } from '#wire'

export interface Refusal {
  status: number
  contentType: string
  text: string
}

/** A failure as it was given, bare or wrapped in what a worker makes of it. */
interface Complaint {
  status: number
  message: string
  type: string
  param: string | null
}

export function faultOf(refusal: Refusal): Fault {
  const complaint = complaintIn(refusal)
  return faultOfComplaint(complaint, causeOf(refusal, complaint))
}

/** An error inside a 200: an event of a stream, or a whole body. Null where it is none. */
export function failureIn(value: JsonObject): Fault | null {
  const flat = value.object === 'error'
  if (!flat && !isTruthy(value.error)) return null
  const complaint = unwrap(read(flat ? value : value.error, 500))
  const cause = `error inside a 200: ${describe(complaint)}`
  return faultOfComplaint(complaint, cause, 'yes')
}

function faultOfComplaint(given: Complaint, cause: string, started?: Started): Fault {
  const { status } = given
  const details = { cause, started: started ?? 'no' } as const
  if (status === 429 || isBusy(given)) {
    const message = 'The model is at capacity. Please try again shortly.'
    return new Fault('overloaded', { ...details, message, saturated: true })
  }
  if (status === 401 || status === 402 || status === 403) {
    const message = 'The gateway could not use the model’s server.'
    return new Fault('upstream_credentials', { ...details, message })
  }
  if (status === 413) {
    const message = 'The request is larger than the model’s server accepts.'
    return new Fault('body_too_large', { ...details, message })
  }
  if (status === 400 || status === 422) return refusedByModel(given, details)
  if (status === 408 || status === 504 || status === 524) {
    const message = 'The model’s server took too long to begin its answer.'
    return new Fault('first_byte_timeout', { ...details, message, started: 'maybe' })
  }
  const message = 'The model’s server failed.'
  return new Fault('upstream_bad_answer', { ...details, message, started: started ?? 'maybe' })
}

function refusedByModel(given: Complaint, details: { cause: string; started: Started }): Fault {
  const limit = /maximum context length is (\d{1,9}) tokens/.exec(given.message)?.[1]
  if (limit !== undefined) {
    const message =
      `This model's maximum context length is ${limit} tokens. ` +
      'Please shorten the messages or ask for fewer tokens.'
    return new Fault('context_too_long', { ...details, message, param: 'messages' })
  }
  const param = safeParam(given.param)
  const named = param === null ? '' : ` because of '${param}'`
  const message = `The model’s server refused the request as invalid${named}.`
  return new Fault('upstream_refused', { ...details, message, param })
}

/** vLLM with a full queue, or draining. */
function isBusy(given: Complaint): boolean {
  return given.status === 503 && given.type === 'Service Unavailable'
}

function complaintIn(refusal: Refusal): Complaint {
  const value = parseObject(refusal.text)
  if (value === null) return { status: refusal.status, message: '', type: '', param: null }
  return unwrap(read(value.error ?? value, refusal.status))
}

function read(error: unknown, status: number): Complaint {
  if (!isJsonObject(error)) {
    return { status, message: typeof error === 'string' ? error : '', type: '', param: null }
  }
  return {
    status: isHttpError(error.code) ? error.code : status,
    message: typeof error.message === 'string' ? error.message : '',
    type: typeof error.type === 'string' ? error.type : '',
    param: typeof error.param === 'string' ? error.param : null,
  }
}

/** A RunPod worker keeps vLLM's status only as text: `vLLM returned HTTP 400: {…}`. */
function unwrap(complaint: Complaint): Complaint {
  const match = /^vLLM returned HTTP (\d{3}): ([\s\S]*)$/.exec(complaint.message)
  if (match === null) return complaint
  const inner = parseObject(match[2] ?? '')
  return read(inner?.error ?? inner, Number(match[1]))
}

function causeOf(refusal: Refusal, complaint: Complaint): string {
  const media = refusal.contentType.split(';')[0] ?? ''
  return `HTTP ${refusal.status} (${media || 'no media type'}): ${describe(complaint)}`
}

function describe({ status, type, param }: Complaint): string {
  const name = /^[\w ]{1,40}$/.test(type) ? type : 'no class'
  return `status ${status}, ${name}, param ${safeParam(param) ?? 'none'}`
}

/** `body.temperature` is our client's `temperature`; anything that is no plain path is not said. */
function safeParam(param: string | null): string | null {
  const plain = param?.replace(/^body\./, '') ?? ''
  return /^[a-z][\w.[\]]{0,63}$/.test(plain) ? plain : null
}

function isHttpError(code: unknown): code is number {
  return typeof code === 'number' && Number.isInteger(code) && code >= 400 && code <= 599
}

function isTruthy(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== ''
}
