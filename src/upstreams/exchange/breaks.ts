// The faults of an exchange that breaks. The message is for the client; what the socket said goes
// into the cause, which only the operator sees.
import { Fault, type Started } from '#domain'

export function abandonedBy(signal: AbortSignal): Fault {
  return signal.reason instanceof Fault ? signal.reason : stopped()
}

export function stopped(): Fault {
  return new Fault('client_gone', { message: 'The call was abandoned.', started: 'maybe' })
}

export function tooLate(kind: 'first_byte_timeout' | 'stalled'): Fault {
  const stalled = kind === 'stalled'
  const message = stalled
    ? 'The model’s server stopped in the middle of its answer.'
    : 'The model’s server took too long to begin its answer.'
  return new Fault(kind, { message, started: stalled ? 'yes' : 'maybe' })
}

export function holdsTooMuch(): Fault {
  return new Fault('overloaded', {
    message: 'This gateway holds as many answers as it can. Please try again shortly.',
    started: 'yes',
  })
}

export function unreachable(cause: unknown): Fault {
  const message = 'The model’s server cannot be reached.'
  return new Fault('upstream_unreachable', { message, cause: withoutData(cause), started: 'no' })
}

export function broken(cause: unknown, started: Started): Fault {
  if (cause instanceof Fault) return cause
  const message = 'The connection to the model’s server broke before the answer was complete.'
  return new Fault('upstream_cut', { message, cause: withoutData(cause), started })
}

/** undici's parser errors carry the bytes that it could not read, which must not be logged. */
function withoutData(cause: unknown): unknown {
  if (!(cause instanceof Error) || !('data' in cause)) return cause
  return Object.assign(new Error(cause.message), { name: cause.name })
}
