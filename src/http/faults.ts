// The faults of requests that never become a call: what fastify and node refuse on their own, and
// what the routes refuse before there is a call.
import { asFault, Fault, type Scope } from '#domain'

export function invalidHeader(name: string, expected: string): Fault {
  const message = `Invalid value for the header '${name}': expected ${expected}.`
  return new Fault('bad_request', { message, param: name })
}

export function noKey(): Fault {
  return new Fault('no_key', {
    message:
      "You didn't provide an API key. Send it in the Authorization header: 'Bearer YOUR_KEY'.",
  })
}

/** The message never repeats the key, not even a part of it. */
export function wrongKey(): Fault {
  return new Fault('wrong_key', { message: 'Incorrect API key provided.' })
}

export function missingScope(scope: Scope): Fault {
  return new Fault('not_admin', { message: `This route needs a key with the scope '${scope}'.` })
}

export function keyOfEnvironment(): Fault {
  return new Fault('key_of_environment', {
    message: 'This key comes from the environment of the gateway, and can be changed only there.',
  })
}

/** For the running calls of a key that was revoked or has expired. */
export function keyClosed(): Fault {
  return new Fault('wrong_key', {
    message: 'The API key of this call has expired or was revoked.',
    started: 'maybe',
  })
}

export function tooManyAdminRequests(retryAfterMs: number): Fault {
  return new Fault('rate_admin', {
    message: 'Too many admin requests from this address. Try again later.',
    retryAfterMs,
  })
}

export function tooManyFailures(retryAfterMs: number): Fault {
  return new Fault('too_many_failures', {
    message: 'Too many failed authentications from this address. Try again later.',
    retryAfterMs,
  })
}

export function unknownUrl(): Fault {
  return new Fault('unknown_url', { message: 'There is no such route.' })
}

export function wrongMethod(allowed: string): Fault {
  return new Fault('wrong_method', { message: `This route only answers ${allowed}.` })
}

export function draining(): Fault {
  return new Fault('draining', {
    message: 'This gateway is shutting down. Please try again.',
    retryAfterMs: 1_000,
  })
}

/** For the log: no client is left to hear it. */
export function aborted(): Fault {
  return new Fault('client_gone', { message: 'The client left before its request was whole.' })
}

export function bodyTooLarge(): Fault {
  return new Fault('body_too_large', { message: 'The request body is too large.' })
}

function wrongMediaType(): Fault {
  return new Fault('wrong_media_type', {
    message: 'The body must be sent as Content-Type: application/json.',
    param: 'content-type',
  })
}

export function wrongCharset(): Fault {
  return new Fault('wrong_media_type', {
    message: 'The body must be sent in UTF-8.',
    param: 'content-type',
  })
}

export function wrongEncoding(): Fault {
  return new Fault('wrong_media_type', {
    message: 'The body must be sent as it is, without a Content-Encoding.',
    param: 'content-encoding',
  })
}

/** The other bodies hold all that may be held. Calls that end give it back, so soon. */
export function tooManyBodies(): Fault {
  return new Fault('overloaded', {
    message: 'This gateway holds as many request bodies as it can. Please try again shortly.',
    retryAfterMs: 1_000,
  })
}

export function tooManyBodiesOfKey(): Fault {
  return new Fault('overloaded', {
    message: 'The request bodies of this key hold as much as they may. Please try again shortly.',
    retryAfterMs: 1_000,
  })
}

export function tooManyConnections(): Fault {
  return new Fault('overloaded', { message: 'This gateway has as many connections as it can.' })
}

export function tooManyHeaders(): Fault {
  return new Fault('headers_too_large', { message: 'The headers are too many or too large.' })
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
