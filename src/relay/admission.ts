// Which calls are accepted. Before any header leaves, a call gets room in its model's line and, of
// its key, the tokens that it may take at most and places among the key's calls at once: all of it,
// or nothing. Room in the line comes first, since it costs nothing to give back.
import type { Ledger } from '#accounting'
import { type Call, Fault, type FaultName, type Model, tokenBound } from '#domain'
import type { Limits, Reservation } from '#limits'
import type { BegunAnswer, Booking, Routing, Watcher } from '#routing'
import type { UpstreamAsk, UpstreamTarget } from '#surfaces'

export interface AdmissionPorts {
  ledger: Pick<Ledger, 'state'>
  limits: Pick<Limits, 'reserve' | 'giveBackRequest'>
  routing: Pick<Routing, 'book' | 'firstAnswer'>
}

/** A call that asks to be accepted. */
export interface AdmissionAsk {
  call: Call
  model: Model
  /** What a server of this dialect would refuse of the call; null: nothing. */
  refusal(dialect: string): Fault | null
  signal: AbortSignal
}

/** These refuse a call because others run or wait, which is not its own key's doing. */
const otherCallsFaults: ReadonlySet<FaultName> = new Set(['overloaded', 'rate_concurrency'])

/** Throws the fault for which the call is refused. */
export async function admit(ask: AdmissionAsk, ports: AdmissionPorts): Promise<AcceptedCall> {
  if (ports.ledger.state() === 'failing') throw ledgerUnavailable()
  try {
    return await setAside(ask, ports)
  } catch (cause) {
    if (cause instanceof Fault && otherCallsFaults.has(cause.kind)) {
      await ports.limits.giveBackRequest(ask.call.key)
    }
    throw cause
  }
}

async function setAside(ask: AdmissionAsk, ports: AdmissionPorts): Promise<AcceptedCall> {
  const { call, model, refusal, signal } = ask
  const booking = ports.routing.book({ call, refusal }, model)
  const { prompt, completion } = tokenBound(call, model)
  try {
    const reservation = await ports.limits.reserve({ call, bound: prompt + completion }, signal)
    // A call that waits for its own key's calls leaves its room in the model's line to others.
    if (reservation.turn !== null) booking.standAside()
    return new AcceptedCall(ask, reservation, booking, ports.routing)
  } catch (cause) {
    booking.leave()
    throw cause
  }
}

/** A call with what was set aside for it. Disposing gives back its places and its room in line. */
export class AcceptedCall implements Disposable {
  readonly reservation: Reservation
  readonly #ask: AdmissionAsk
  readonly #booking: Booking
  readonly #routing: AdmissionPorts['routing']

  constructor(
    ask: AdmissionAsk,
    reservation: Reservation,
    booking: Booking,
    routing: AdmissionPorts['routing'],
  ) {
    this.#ask = ask
    this.reservation = reservation
    this.#booking = booking
    this.#routing = routing
  }

  /** Waits for the call's turn among its key's calls, if it must, and then for a deployment. */
  firstAnswer(watcher: Watcher, toUpstream: ToUpstream): Promise<BegunAnswer> {
    const { turn } = this.reservation
    if (turn === null) return this.#answer(watcher, toUpstream)
    return waitForTurn(turn, this.#ask.signal, watcher).then(() =>
      this.#answer(watcher, toUpstream),
    )
  }

  #answer(watcher: Watcher, toUpstream: ToUpstream): Promise<BegunAnswer> {
    const { call, signal } = this.#ask
    const booking = this.#booking
    return this.#routing.firstAnswer({ call, signal, watcher, toUpstream, booking })
  }

  [Symbol.dispose](): void {
    this.#booking.leave()
    this.reservation[Symbol.dispose]()
  }
}

type ToUpstream = (target: UpstreamTarget) => UpstreamAsk

/** The record counts the time in the key's own line as time in a queue. */
async function waitForTurn(
  turn: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
  watcher: Watcher,
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
