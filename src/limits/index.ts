// How much a key may ask. A request is taken before its body is read, so that refusing it is cheap.
// Tokens and places are reserved in one step before the call is accepted, and settled once after it
// has ended. The port is asynchronous, so that a shared store can stand behind it.
import type { ApiKey, Call, Clock, Rates } from '#domain'
import { type Bucket, createBuckets } from './buckets.ts'
import { createCallsAtOnce, type OwnPlaces, type PlaceAsk } from './calls-at-once.ts'
import type { LimitsOptions } from './options.ts'
import { beyondLimit, tooManyRequests, tooManyTokens } from './rate-faults.ts'
import { type Settled, tokensTaken } from './tokens-taken.ts'

export { type LimitsOptions, limitsOptions } from './options.ts'
export { RateFault } from './rate-faults.ts'

interface ReserveAsk {
  call: Call
  /** The most tokens that the call may take, prompt and answer together. */
  bound: number
}

/** Disposing says that the call is over; its places go back once its attempts are released. */
export interface Reservation extends Disposable {
  rates: Rates
  /** An attempt begins: the places are kept until the returned function is called. */
  attempted(): () => void
  /**
   * Resolves when the call has its places, in order of arrival; null: it has them already. Rejects
   * with the signal's reason, or with a fault when the call has waited as long as it may.
   */
  turn: ((signal: AbortSignal) => Promise<void>) | null
  /** Gives back the tokens that the ended call did not use. A second call changes nothing. */
  settle(record: Settled): Promise<void>
}

/** What a key has left, and how many of its places are taken. */
export interface KeyStanding {
  rates: Rates
  concurrencyMax: number | null
  /** Places that are taken, by calls that run or that left work behind. */
  running: number
  /** Calls in line. */
  waiting: number
}

export interface Limits {
  /** One request of the key's minute. Throws a `RateFault` where none is left. */
  takeRequest(key: ApiKey): Promise<Rates>
  /**
   * Gives back the request of a call that was refused because other calls run or wait. At most ten
   * times as often as the key may ask: each such call has its body read for nothing, which an
   * impatient client may cause, but an attacker not without end.
   */
  giveBackRequest(key: ApiKey): Promise<void>
  /**
   * Takes the tokens and places that the call needs, or throws the fault that says which of them
   * are used up, and until when.
   */
  reserve(ask: ReserveAsk, signal: AbortSignal): Promise<Reservation>
  /** What a key has left; looking takes nothing. */
  look(key: ApiKey): Promise<KeyStanding>
  /** Keys were changed: there may be enough places now for calls that wait. */
  keysChanged(): void
}

/** Far above the keys of any registry: buckets of unknown keys are never made. */
const keysMax = 100_000

const givenBackTimes = 10

export interface LimitsPorts {
  clock: Clock
  /** The key as it is now. A call holds the key as it was when the call came. */
  latest(key: ApiKey): ApiKey
}

export function createLimits(options: LimitsOptions, { clock, latest }: LimitsPorts): Limits {
  const requests = createBuckets(clock, keysMax)
  const givenBack = createBuckets(clock, keysMax)
  const tokens = createBuckets(clock, keysMax)
  const atOnce = createCallsAtOnce(clock)

  function requestsOf({ id: keyId, requestsPerMinute }: ApiKey): Bucket {
    return { keyId, perMinute: requestsPerMinute ?? options.requestsPerMinute }
  }

  /** null: the key has no limit of tokens. */
  function tokensOf({ id: keyId, tokensPerMinute }: ApiKey): Bucket | null {
    const perMinute = tokensPerMinute ?? options.tokensPerMinute
    return perMinute === null ? null : { keyId, perMinute }
  }

  function placesMaxOf({ concurrencyMax }: ApiKey): number | null {
    return concurrencyMax ?? options.concurrencyMax
  }

  function ratesOf(key: ApiKey): Rates {
    const bucket = tokensOf(key)
    return {
      requests: requests.look(requestsOf(key)),
      tokens: bucket === null ? null : tokens.look(bucket),
    }
  }

  /** Returns what gives unused tokens back, under the limit that the key has by then. */
  function takeTokens(key: ApiKey, { call, bound }: ReserveAsk): GiveBack | null {
    const bucket = tokensOf(key)
    if (bucket === null) return null
    if (bound > bucket.perMinute) throw beyondLimit(ratesOf(key), bound)
    const { isTaken, rate } = tokens.take(bucket, bound)
    if (!isTaken) throw tooManyTokens(ratesOf(key), rate.retryAfterMs, bound)
    return (record) => {
      const unused = Math.max(0, bound - tokensTaken(call, record))
      tokens.giveBack(tokensOf(latest(key)) ?? bucket, unused)
    }
  }

  return {
    async takeRequest(key) {
      if (!requests.take(requestsOf(key), 1).isTaken) throw tooManyRequests(ratesOf(key))
      return ratesOf(key)
    },
    async giveBackRequest(key) {
      const bucket = requestsOf(latest(key))
      const bound = { ...bucket, perMinute: bucket.perMinute * givenBackTimes }
      if (givenBack.take(bound, 1).isTaken) requests.giveBack(bucket, 1)
    },
    async reserve(asked) {
      const { call } = asked
      // The key may have changed while the body came.
      const key = latest(call.key)
      const ask = placeAsk(call, key, placesMaxOf(key), options)
      // Places are checked first and taken last: what is refused takes neither tokens nor places.
      atOnce.check(ask)
      const giveBack = takeTokens(key, asked)
      return new KeyReservation(ratesOf(key), atOnce.take(ask), giveBack)
    },
    async look(key) {
      return {
        rates: ratesOf(key),
        concurrencyMax: placesMaxOf(key),
        running: atOnce.running(key.id),
        waiting: atOnce.waiting(key.id),
      }
    },
    keysChanged: () => atOnce.changed((key) => placesMaxOf(latest(key))),
  }
}

type GiveBack = (record: Settled) => void

class KeyReservation implements Reservation {
  readonly rates: Rates
  readonly #places: OwnPlaces
  #giveBack: GiveBack | null

  constructor(rates: Rates, places: OwnPlaces, giveBack: GiveBack | null) {
    this.rates = rates
    this.#places = places
    this.#giveBack = giveBack
  }

  get turn(): Reservation['turn'] {
    return this.#places.turn
  }

  attempted(): () => void {
    return this.#places.attempted()
  }

  async settle(record: Settled): Promise<void> {
    this.#giveBack?.(record)
    this.#giveBack = null
  }

  [Symbol.dispose](): void {
    this.#places[Symbol.dispose]()
  }
}

function placeAsk(
  { sequences, waitMaxMs }: Call,
  key: ApiKey,
  placesMax: number | null,
  { concurrencyWaitingMax, concurrencyWaitMs }: LimitsOptions,
): PlaceAsk {
  return {
    key,
    sequences,
    placesMax,
    waitingMax: concurrencyWaitingMax,
    waitMs: Math.min(concurrencyWaitMs, waitMaxMs ?? concurrencyWaitMs),
  }
}
