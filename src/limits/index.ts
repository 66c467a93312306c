// How much a key may ask. Everything is reserved in one step before a call is accepted, and settled
// once after it ended. The port is asynchronous: a shared store can stand behind it.
import { type ApiKey, type Call, type Clock, Fault } from '#domain'
import { createCallsAtOnce, type OwnPlace, type PlaceAsk } from './calls-at-once.ts'
import type { LimitsOptions } from './options.ts'
import { createRequestRate, type RateState } from './request-rate.ts'

export { type LimitsOptions, limitsOptions } from './options.ts'
export type { RateState } from './request-rate.ts'

/** Disposing gives back the place among the key's calls: it is for as long as the call runs. */
export interface Reservation extends Disposable {
  rate: RateState
  /**
   * Resolves when the call has its place among the key's calls, in order of arrival; null: it has
   * it already. Rejects with the signal's reason, or with a fault when it has waited long enough.
   */
  turn: ((signal: AbortSignal) => Promise<void>) | null
}

/** Too many requests: with what is left of them, which the client is told either way. */
export class RateFault extends Fault {
  readonly rate: RateState

  constructor(rate: RateState) {
    const { limit, retryAfterMs } = rate
    super('rate_requests', {
      message: `Rate limit reached: ${limit} requests per minute. Try again in ${retryAfterMs} ms.`,
      retryAfterMs,
    })
    this.rate = rate
  }
}

export interface Limits {
  /** Takes what the call needs, or throws the fault that says what is used up and until when. */
  reserve(call: Call): Promise<Reservation>
  /** What a key has left; looking takes nothing. */
  look(key: ApiKey): {
    rate: RateState
    concurrencyMax: number | null
    running: number
    waiting: number
  }
}

/** Far above the keys of any registry: buckets of unknown keys are never made. */
const keysMax = 100_000

export function createLimits(options: LimitsOptions, clock: Clock): Limits {
  const requests = createRequestRate(clock, keysMax)
  const atOnce = createCallsAtOnce(clock)
  return {
    async reserve(call) {
      const ask = placeAsk(call, options)
      // Looked at first and taken last: what is refused for one of them costs nothing of the other.
      atOnce.check(ask)
      const perMinute = call.key.requestsPerMinute ?? options.requestsPerMinute
      const { isTaken, rate } = requests.take(call.key.id, perMinute)
      if (!isTaken) throw new RateFault(rate)
      return new KeyReservation(rate, atOnce.take(ask))
    },
    look: (key) => ({
      rate: requests.look(key.id, key.requestsPerMinute ?? options.requestsPerMinute),
      concurrencyMax: key.concurrencyMax ?? options.concurrencyMax,
      running: atOnce.running(key.id),
      waiting: atOnce.waiting(key.id),
    }),
  }
}

class KeyReservation implements Reservation {
  readonly rate: RateState
  readonly #place: OwnPlace

  constructor(rate: RateState, place: OwnPlace) {
    this.rate = rate
    this.#place = place
  }

  get turn(): Reservation['turn'] {
    return this.#place.turn
  }

  [Symbol.dispose](): void {
    this.#place[Symbol.dispose]()
  }
}

function placeAsk({ key, waitMaxMs }: Call, options: LimitsOptions): PlaceAsk {
  const { concurrencyMax, concurrencyWaitingMax, concurrencyWaitMs } = options
  return {
    keyId: key.id,
    placesMax: key.concurrencyMax ?? concurrencyMax,
    waitingMax: concurrencyWaitingMax,
    waitMs: Math.min(concurrencyWaitMs, waitMaxMs ?? concurrencyWaitMs),
  }
}
