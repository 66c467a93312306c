// Connects the rooms that are strangers to one another into what the relay asks for.

import { chargeFor, type KeyTally, type Ledger } from '#accounting'
import { type Clock, Fault, type FaultName, tokenBound } from '#domain'
import type { Limits, Reservation } from '#limits'
import { type Catalogue, resolveRoute } from '#models'
import type { AttemptTally, Logger, Metrics } from '#observability'
import type { AnswerAsk, BookAsk, Booked, RelayPorts } from '#relay'
import type { BegunAnswer, Booking, Routing } from '#routing'

export interface Rooms {
  clock: Clock
  catalogue: Catalogue
  limits: Limits
  routing: Routing
  ledger: Ledger
  metrics: Metrics
  logger: Logger
  attempts: AttemptTally
  keyTally: KeyTally
}

export function connectRelay(rooms: Rooms): RelayPorts {
  const { clock, catalogue, ledger, metrics, logger, attempts, keyTally } = rooms
  return {
    clock,
    ledger,
    charge: chargeFor,
    resolveRoute: (call) => resolveRoute(catalogue, call.modelId, call.surface, call.key),
    reserve: (ask) => reserve(ask, rooms),
    onAttempt(record) {
      ledger.appendAttempt(record)
      metrics.observeAttempt(record)
      attempts.add(record)
      keyTally.addAttempt(record)
    },
    observe(record) {
      if (record.outcome !== 'refused') {
        keyTally.add(record)
        return metrics.observeCall(record)
      }
      const { surface, model, fault } = record
      metrics.observeRefusal({ surface, model, fault: fault ?? 'internal' })
    },
    log: (record, fault) => logger.call(record, fault?.cause),
  }
}

/** A call that finds no place gives back its request: it is not its key's doing. */
async function reserve(ask: BookAsk, rooms: Rooms): Promise<Booked> {
  if (rooms.ledger.state() === 'failing') throw ledgerUnavailable()
  try {
    return await book(ask, rooms)
  } catch (cause) {
    if (cause instanceof Fault && placeless.has(cause.kind)) {
      await rooms.limits.giveBackRequest(ask.call.key)
    }
    throw cause
  }
}

const placeless: ReadonlySet<FaultName> = new Set(['overloaded', 'rate_concurrency'])

/** A waiting place and the key's limits in one step: nothing is taken when either is refused. */
async function book(
  { call, route, refusal, signal }: BookAsk,
  { limits, routing }: Rooms,
): Promise<Booked> {
  const place = routing.book({ call, refusal }, route.model)
  const { prompt, completion } = tokenBound(call, route.model)
  try {
    const reservation = await limits.reserve({ call, bound: prompt + completion }, signal)
    // Who waits for its own key's calls to end must not stand in the way of others' calls.
    if (reservation.turn !== null) place.standAside()
    return new BookedCall(reservation, place, routing)
  } catch (cause) {
    place.leave()
    throw cause
  }
}

class BookedCall implements Booked {
  readonly reservation: Reservation
  readonly #place: Booking
  readonly #routing: Routing

  constructor(reservation: Reservation, place: Booking, routing: Routing) {
    this.reservation = reservation
    this.#place = place
    this.#routing = routing
  }

  firstAnswer(ask: AnswerAsk): Promise<BegunAnswer> {
    const { call, signal, watcher, toUpstream } = ask
    const place = this.#place
    const answer = () =>
      this.#routing.firstAnswer({ call, signal, watcher, toUpstream, booking: place })
    const { turn } = this.reservation
    return turn === null ? answer() : waitForTurn(turn, ask).then(answer)
  }

  [Symbol.dispose](): void {
    this.#place.leave()
    this.reservation[Symbol.dispose]()
  }
}

/** The line of the key's own calls is a queue like any other, and its time is written down. */
async function waitForTurn(
  turn: (signal: AbortSignal) => Promise<void>,
  { signal, watcher }: AnswerAsk,
): Promise<void> {
  watcher.queued()
  try {
    await turn(signal)
  } finally {
    watcher.leftQueue()
  }
}

function ledgerUnavailable(): Fault {
  return new Fault('ledger_unavailable', {
    message: 'This gateway cannot record calls at the moment. Please try again shortly.',
    retryAfterMs: 5_000,
  })
}
