// How much a key may ask. Its request is taken before its body is read, so that refusing is cheap;
// everything else is reserved in one step before the call is accepted, and settled once after it
// ended. The port is asynchronous: a shared store can stand behind it.
import { type ApiKey, type Call, type Clock, Fault, type Rates } from '#domain'
import { createCallsAtOnce, type OwnPlace, type PlaceAsk } from './calls-at-once.ts'
import type { LimitsOptions } from './options.ts'
import { createRequestRate } from './request-rate.ts'

export { type LimitsOptions, limitsOptions } from './options.ts'

/** Disposing says that the call is over: its place among the key's calls may be given back. */
export interface Reservation extends Disposable {
  rates: Rates
  /** An attempt was opened: the place is kept until this says that it was released. */
  attempted(): () => void
  /**
   * Resolves when the call has its place among the key's calls, in order of arrival; null: it has
   * it already. Rejects with the signal's reason, or with a fault when it has waited long enough.
   */
  turn: ((signal: AbortSignal) => Promise<void>) | null
}

/** Too many requests: with what is left of them, which the client is told either way. */
export class RateFault extends Fault {
  readonly rates: Rates

  constructor(rates: Rates) {
    const { limit, retryAfterMs } = rates.requests
    super('rate_requests', {
      message: `Rate limit reached: ${limit} requests per minute. Try again in ${retryAfterMs} ms.`,
      retryAfterMs,
    })
    this.rates = rates
  }
}

export interface Limits {
  /** One request of the key's minute. Throws a `RateFault` where none is left. */
  takeRequest(key: ApiKey): Promise<Rates>
  /** Of a call that was refused because others run or wait, which is not its key's doing. */
  giveBackRequest(key: ApiKey): Promise<void>
  /**
   * Takes what the call needs beside its request, or throws the fault that says what is used up and
   * until when.
   */
  reserve(call: Call): Promise<Reservation>
  /** What a key has left; looking takes nothing. */
  look(key: ApiKey): {
    rates: Rates
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
  const perMinuteOf = (key: ApiKey) => key.requestsPerMinute ?? options.requestsPerMinute
  const ratesOf = (key: ApiKey) => ({ requests: requests.look(key.id, perMinuteOf(key)) })
  return {
    async takeRequest(key) {
      const { isTaken, rate } = requests.take(key.id, perMinuteOf(key))
      if (!isTaken) throw new RateFault({ requests: rate })
      return { requests: rate }
    },
    async giveBackRequest(key) {
      requests.giveBack(key.id, perMinuteOf(key))
    },
    async reserve(call) {
      const ask = placeAsk(call, options)
      atOnce.check(ask)
      return new KeyReservation(ratesOf(call.key), atOnce.take(ask))
    },
    look: (key) => ({
      rates: ratesOf(key),
      concurrencyMax: key.concurrencyMax ?? options.concurrencyMax,
      running: atOnce.running(key.id),
      waiting: atOnce.waiting(key.id),
    }),
  }
}

class KeyReservation implements Reservation {
  readonly rates: Rates
  readonly #place: OwnPlace

  constructor(rates: Rates, place: OwnPlace) {
    this.rates = rates
    this.#place = place
  }

  get turn(): Reservation['turn'] {
    return this.#place.turn
  }

  attempted(): () => void {
    return this.#place.attempted()
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
