// The faults of a call that cannot enter its line, or that no deployment can answer.
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

/** All circuits of the plan are open; `retryAfterMs` is the time until the next trial. */
export function circuitOpen(retryAfterMs: number): Fault {
  return new Fault('circuit_open', {
    message: 'The model’s servers fail at present, and are left alone for a while.',
    retryAfterMs,
  })
}
