// The fault of a call that finds no place at its deployment.
import { Fault } from '#domain'

/** The upstream only ever said that it is full, so the client hears that, not a timeout. */
export function fullFor(retryAfterMs: number | null): Fault {
  const message = 'The model is at capacity. Please try again shortly.'
  return new Fault('overloaded', { message, turnedAway: 'full', retryAfterMs })
}

export function lineFull(): Fault {
  return new Fault('overloaded', {
    message: 'Too many calls are waiting for this model. Please try again shortly.',
    retryAfterMs: 2_000,
  })
}
