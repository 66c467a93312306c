// What a foreign failure means. Only this folder looks at other people's error bodies. It passes on
// none of their text, because validation errors repeat the prompt: messages to clients are our own,
// and the cause for the operator names only statuses and classes.
import { Fault, type FaultName, type JsonObject, type Started, type TurnedAway } from '#domain'
import { executionTimeoutError, lostWorkerError, openaiRouteError, parseObject } from '#wire'
import { type Complaint, complaintIn, complaintOf } from './complaint.ts'
import { knownRefusal } from './known-refusals.ts'
import { safeParam } from './parameter.ts'

export interface BadResponse {
  status: number
  contentType: string
  text: string
  /** When the upstream wants to be asked again. */
  retryAfterMs?: number | null
}

interface Meaning {
  kind: FaultName
  message: string
  started: Started
  turnedAway?: TurnedAway
  isUnexplained?: true
}

/* biome-ignore format: a table reads as a table */
const meanings = {
  busy:          { kind: 'overloaded', started: 'no', turnedAway: 'full', message: 'The model is at capacity. Please try again shortly.' },
  cold:          { kind: 'overloaded', started: 'no', turnedAway: 'cold', message: 'No server of the model was ready in time. Please try again shortly.' },
  credentials:   { kind: 'upstream_credentials', started: 'no', message: 'The gateway could not use the model’s server.' },
  misconfigured: { kind: 'upstream_misconfigured', started: 'no', message: 'The gateway asked the model’s server for something that it does not have.' },
  too_large:     { kind: 'body_too_large', started: 'no', message: 'The request is larger than the model’s server accepts.' },
  late:          { kind: 'first_byte_timeout', started: 'maybe', message: 'The model’s server took too long to begin its answer.' },
  out_of_time:   { kind: 'deadline', started: 'maybe', message: 'The model’s server ended the call at a time limit of its own.' },
  unreachable:   { kind: 'upstream_unreachable', started: 'maybe', message: 'The model’s server cannot be reached.' },
  black_hole:    { kind: 'upstream_unreachable', started: 'no', message: 'The model’s server cannot be reached.' },
  lost:          { kind: 'upstream_cut', started: 'maybe', message: 'The model’s server was lost before its answer was complete.' },
  job_failed:    { kind: 'upstream_bad_answer', started: 'maybe', isUnexplained: true, message: 'The model’s server failed this request: it may be too long for the model, or ask for what the model does not support.' },
  failed:        { kind: 'upstream_bad_answer', started: 'maybe', message: 'The model’s server failed.' },
} as const satisfies Record<string, Meaning>

type MeaningName = keyof typeof meanings | 'refused'

/** How the texts begin: further on, a text may repeat what a client wrote. */
const knownTexts: readonly [start: string, meaning: MeaningName][] = [
  ['no workers available', 'cold'],
  ['timed out waiting for worker', 'cold'],
  ['Unauthorized', 'credentials'],
  ['not allowed for QB API', 'misconfigured'],
  // A worker whose server has died takes jobs and fails each at once, until somebody ends it.
  ['vLLM server process is not running', 'black_hole'],
  ['Request to vLLM failed', 'unreachable'],
  [lostWorkerError, 'lost'],
  // RunPod's OpenAI route says only this of a job that failed, by a crash or a client's mistake.
  [openaiRouteError, 'job_failed'],
  [executionTimeoutError, 'out_of_time'],
]

/* biome-ignore format: a table reads as a table */
const byStatus: Readonly<Record<number, MeaningName>> = {
  400: 'refused', 401: 'credentials', 402: 'credentials', 403: 'credentials',
  404: 'misconfigured', 405: 'misconfigured', 408: 'late', 413: 'too_large', 422: 'refused',
  429: 'busy', 501: 'misconfigured', 504: 'late',
  // Sent by an edge that did not reach the worker, or that gave up waiting for it.
  521: 'unreachable', 522: 'unreachable', 523: 'unreachable', 524: 'late',
  525: 'unreachable', 526: 'unreachable', 530: 'unreachable',
}

export function faultOf(refusal: BadResponse): Fault {
  const complaint = complaintIn(parseObject(refusal.text), refusal.status)
  const meaning = meaningOf(complaint)
  const media = /^[\w/+.-]{1,40}/.exec(refusal.contentType)?.[0] ?? 'no media type'
  const cause = `HTTP ${refusal.status} (${media}): ${describe(complaint, meaning)}`
  const retryAfterMs = refusal.retryAfterMs ?? null
  return faultWith(meaning, complaint, { cause, retryAfterMs, isFleeting: isOfEdge(refusal) })
}

/** A proxy before the server said it: the proxy did not reach the server. */
function isOfEdge({ status, contentType }: BadResponse): boolean {
  return status === 502 || status >= 520 || (status >= 500 && !contentType.includes('json'))
}

/** An error inside a 200: an event of a stream, or a whole body. Null where it is none. */
export function failureIn(value: JsonObject): Fault | null {
  const isFlat = value.object === 'error'
  if (!isFlat && !isTruthy(value.error)) return null
  const complaint = complaintOf(isFlat ? value : value.error, null)
  const meaning = meaningOf(complaint)
  const cause = `error inside a 200: ${describe(complaint, meaning)}`
  return faultWith(meaning, complaint, { cause, started: 'yes' })
}

function meaningOf(complaint: Complaint): MeaningName {
  const { message, status, type, isQuoted } = complaint
  const known = knownTexts.find(([start]) => message.startsWith(start))
  if (known !== undefined) return known[1]
  // vLLM says so when its queue is full, or when it drains. Other 503s mean something else.
  if (status === 503 && (type === 'Service Unavailable' || isQuoted)) return 'busy'
  return byStatus[status] ?? 'failed'
}

interface Details {
  cause: string
  started?: Started
  retryAfterMs?: number | null
  isFleeting?: boolean
}

function faultWith(name: MeaningName, complaint: Complaint, details: Details): Fault {
  if (name === 'refused') return refusedByModel(complaint, details)
  const { kind, ...meaning }: Meaning = meanings[name]
  return new Fault(kind, { ...meaning, ...details })
}

/** How servers say that a prompt is too long, with the limit where they name it first. */
const contextTexts = [
  /^This model's maximum context length is (\d{1,9}) tokens/,
  /^The decoder prompt \(length \d+\) is longer than the maximum model length of (\d{1,9})/,
  /^Input length \(\d+\) exceeds model's maximum context length \((\d{1,9})\)/,
]

function refusedByModel(complaint: Complaint, details: Details): Fault {
  const { message: text, type } = complaint
  const match = contextTexts.map((pattern) => pattern.exec(text)).find((found) => found !== null)
  if (match !== undefined || type === 'context_length_exceeded') {
    const limit = match?.[1]
    const message =
      (limit === undefined
        ? "The request exceeds this model's maximum context length. "
        : `This model's maximum context length is ${limit} tokens. `) +
      'Please shorten the input or ask for fewer tokens.'
    // No parameter: only the surface knows which one holds the input.
    return new Fault('context_too_long', { started: 'no', ...details, message })
  }
  const known = knownRefusal(text)
  if (known !== null) return new Fault('upstream_refused', { started: 'no', ...details, ...known })
  const param = safeParam(complaint.param)
  const named = param === null ? '' : ` because of '${param}'`
  const message = `The model’s server refused the request as invalid${named}.`
  return new Fault('upstream_refused', { started: 'no', ...details, message, param })
}

function describe({ status, type, param }: Complaint, meaning: MeaningName): string {
  const name = /^[\w ]{1,40}$/.test(type) ? type : 'no class'
  return `${meaning}, status ${status}, ${name}, param ${safeParam(param) ?? 'none'}`
}

function isTruthy(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== ''
}
