// Requests that never become a call, as faults of the one table: what fastify and node refuse on
// their own, and what the routes refuse before they know a surface.
import { asFault, Fault } from '#domain'

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

/** The key itself is never said back, not even in part. */
export function wrongKey(): Fault {
  return new Fault('wrong_key', { message: 'Incorrect API key provided.' })
}

export function notAdmin(): Fault {
  return new Fault('not_admin', { message: 'This route needs an admin key.' })
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

/** What fastify throws, by its code. */
export function faultOfFramework(error: unknown): Fault {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : ''
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new Fault('body_too_large', { message: 'The request body is too large.' })
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new Fault('wrong_media_type', {
      message: 'The body must be sent as Content-Type: application/json.',
    })
  }
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH' || code === 'FST_ERR_BAD_URL') {
    return new Fault('bad_request', { message: 'The request is malformed.', cause: error })
  }
  return asFault(error)
}
