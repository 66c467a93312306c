// The faults of requests that never become a call: what fastify and node refuse on their own, and
// what the routes refuse before there is a call.
import { asFault, Fault, type FaultDetails, type FaultName, type Scope } from '#domain'

/** A fault that always says the same; made anew for each request. */
function saying(name: FaultName, message: string, more: Omit<FaultDetails, 'message'> = {}) {
  return () => new Fault(name, { message, ...more })
}

export const noKey = saying(
  'no_key',
  "You didn't provide an API key. Send it in the Authorization header: 'Bearer YOUR_KEY'.",
)

/** The message never repeats the key, not even a part of it. */
export const wrongKey = saying('wrong_key', 'Incorrect API key provided.')

export const keyOfEnvironment = saying(
  'key_of_environment',
  'This key comes from the environment of the gateway, and can be changed only there.',
)

/** For the running calls of a key that was revoked or has expired. */
export const keyClosed = saying(
  'wrong_key',
  'The API key of this call has expired or was revoked.',
  { started: 'maybe' },
)

export const unknownUrl = saying('unknown_url', 'There is no such route.')

export const draining = saying('draining', 'This gateway is shutting down. Please try again.', {
  retryAfterMs: 1_000,
})

/** For the log: no client is left to hear it. */
export const aborted = saying('client_gone', 'The client left before its request was whole.')

export const bodyTooLarge = saying('body_too_large', 'The request body is too large.')

const wrongMediaType = saying(
  'wrong_media_type',
  'The body must be sent as Content-Type: application/json.',
  { param: 'content-type' },
)

export const wrongCharset = saying('wrong_media_type', 'The body must be sent in UTF-8.', {
  param: 'content-type',
})

export const wrongEncoding = saying(
  'wrong_media_type',
  'The body must be sent as it is, without a Content-Encoding.',
  { param: 'content-encoding' },
)

/** The other bodies hold all that may be held. Calls that end give it back, so soon. */
export const tooManyBodies = saying(
  'overloaded',
  'This gateway holds as many request bodies as it can. Please try again shortly.',
  { retryAfterMs: 1_000 },
)

export const tooManyBodiesOfKey = saying(
  'overloaded',
  'The request bodies of this key hold as much as they may. Please try again shortly.',
  { retryAfterMs: 1_000 },
)

export const tooManyConnections = saying(
  'overloaded',
  'This gateway has as many connections as it can.',
)

export const tooManyHeaders = saying('headers_too_large', 'The headers are too many or too large.')

export function invalidHeader(name: string, expected: string): Fault {
  const message = `Invalid value for the header '${name}': expected ${expected}.`
  return new Fault('bad_request', { message, param: name })
}

export function missingScope(scope: Scope): Fault {
  return new Fault('not_admin', { message: `This route needs a key with the scope '${scope}'.` })
}

export function tooManyAdminRequests(retryAfterMs: number): Fault {
  const message = 'Too many admin requests from this address. Try again later.'
  return new Fault('rate_admin', { message, retryAfterMs })
}

export function tooManyFailures(retryAfterMs: number): Fault {
  const message = 'Too many failed authentications from this address. Try again later.'
  return new Fault('too_many_failures', { message, retryAfterMs })
}

export function wrongMethod(allowed: string): Fault {
  return new Fault('wrong_method', { message: `This route only answers ${allowed}.` })
}

export const notHttp = 'The request could not be read as HTTP/1.1.'

/** What node's parser refuses. Its own message may hold the client's bytes, so it is dropped. */
export function faultOfParser({ code }: { code?: string }): Fault {
  if (code === 'HPE_HEADER_OVERFLOW') return tooManyHeaders()
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Fault('slow_request', { message: 'The request took too long to arrive.' })
  }
  return new Fault('bad_request', { message: notHttp })
}

/** What fastify throws, by its code. */
export function faultOfFramework(error: unknown): Fault {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : ''
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return wrongMediaType()
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') return unknownUrl()
  // The method is one that node's parser knows and HTTP does not: RTSP has some.
  if (code === 'FST_ERR_NOT_FOUND') return new Fault('bad_request', { message: notHttp })
  if (code === 'FST_ERR_BAD_URL') {
    return new Fault('bad_request', { message: 'The URL is malformed.' })
  }
  return asFault(error)
}
