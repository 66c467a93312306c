// The one line before a model. A call enters it (the line is bounded: at once or refused) and goes
// to the first deployment of its plan that has places for it; when none has, it waits. When places
// come free, they go to the first waiter that may go there. Nobody overtakes that waiter, not even
// while its many sequences do not fit yet: light calls would starve heavy ones.
import type { Clock, Fault, Model } from '#domain'
import { type BookedLine, Booking } from './booking.ts'
import { circuitOpen, fullFor, lineFull } from './faults.ts'
import { isThirdParty, mayGoNow, whyNot } from './may-go.ts'
import type { RoutingOptions } from './options.ts'
import type { WaitsFull } from './patience.ts'
import type { PlanAsk } from './plan.ts'
import type { Permit, Station } from './station.ts'
import { Waiter } from './waiter.ts'
import { Waiters } from './waiters.ts'

export interface LinePorts {
  clock: Clock
  options: RoutingOptions
  random(): number
}

export class Line implements BookedLine {
  model: Model
  stations: readonly Station[] = []
  version = 0
  entered = 0
  readonly random: () => number
  readonly #ports: LinePorts
  readonly #waiters: Waiters

  constructor(model: Model, ports: LinePorts) {
    this.model = model
    this.#ports = ports
    this.random = ports.random
    this.#waiters = new Waiters(ports)
  }

  get waiting(): number {
    return this.#waiters.count
  }

  /** The registry changed the model, or the deployments that serve it. */
  follow(model: Model, stations: readonly Station[]): void {
    this.model = model
    this.stations = stations
    this.version += 1
    this.#waiters.endThose(({ booking }) => faultOf(() => booking.plan()))
    for (const waiter of this.#waiters) this.#lookWhenItMayFallBack(waiter)
    this.look()
  }

  /** Throws when no deployment of the plan can answer, or when the line is full. */
  enter(ask: PlanAsk): Booking {
    const booking = new Booking(this, ask)
    const plan = booking.plan()
    refuseOpenCircuits(plan)
    const { waitingMax } = this.#ports.options
    const free = this.#freeFor(booking, plan)
    // Calls that came again may be more than `waitingMax`: a new call still starts where it can.
    const startsAtOnce = this.entered - this.waiting < free
    if (!startsAtOnce && this.entered >= waitingMax + free) throw lineFull()
    this.entered += 1
    return booking
  }

  takeAtOnce(booking: Booking): Permit | null {
    for (const station of booking.plan()) {
      if (this.#isFreeFor(booking, station)) return this.#grant(booking, station)
    }
    return null
  }

  wait(booking: Booking, signal: AbortSignal, patience: WaitsFull): Promise<Permit> {
    const { clock } = this.#ports
    const plan = booking.plan()
    refuseOpenCircuits(plan)
    const askedMs = Math.min(...plan.map(({ pause }) => pause.askedLeftMs() ?? 0))
    if (askedMs > patience.fullWaitMs) throw fullFor(askedMs)
    booking.joinedTicksMs ??= clock.ticksMs()
    const onLeft = (one: Waiter) => this.#left(one)
    const waiter = new Waiter(booking, patience, signal, { clock, onLeft })
    this.#waiters.insert(waiter)
    this.#lookWhenItMayFallBack(waiter)
    waiter.lookWhetherFull()
    return waiter.permit
  }

  /** There may be places that were not there before. */
  look(): void {
    if (this.waiting === 0) return
    // First the calls that no deployment can answer leave; then places go to those that are left.
    this.#waiters.endThose(({ booking }) => {
      const opensInMs = allOpenInMs(booking.plan())
      return opensInMs === null ? null : circuitOpen(opensInMs)
    })
    // A heavy call may have kept places at a deployment that this loop already looked at. When it
    // goes to another deployment, those places are free for the calls behind it.
    while (this.stations.some((station) => this.#grantsAt(station)));
    for (const waiter of this.#waiters) waiter.lookWhetherFull()
  }

  /** The line may have kept places for the waiter that left: the next one may have them. */
  #left(waiter: Waiter): void {
    if (this.#waiters.remove(waiter)) this.look()
  }

  #lookWhenItMayFallBack(waiter: Waiter): void {
    const { booking } = waiter
    if (booking.hasWaited || !booking.plan().some(isThirdParty)) return
    const { clock, options } = this.#ports
    const joinedTicksMs = booking.joinedTicksMs ?? clock.ticksMs()
    waiter.lookAfter(joinedTicksMs + options.fallbackAfterMs - clock.ticksMs(), () => {
      // Not compared with the clock again: a timer may fire a fraction of a millisecond early.
      booking.hasWaited = true
      this.look()
    })
  }

  /** How many sequences may start before any call has to wait. */
  #freeFor(booking: Booking, plan: readonly Station[]): number {
    let free = 0
    for (const station of plan) if (this.#isFreeFor(booking, station)) free += station.free()
    return free
  }

  /** Places that the line keeps for waiters before this call are not free for it. */
  #isFreeFor(booking: Booking, station: Station): boolean {
    if (!station.isOpen() || !station.hasPlaceFor(booking.sequences)) return false
    if (!mayGoNow(booking, station, this.#ports)) return false
    return this.waiting === 0 || this.#waiters.firstFor(station, booking.isFirst) === null
  }

  /** True: a waiter got a permit there. */
  #grantsAt(station: Station): boolean {
    let granted = false
    while (station.isOpen()) {
      const waiter = this.#waiters.firstFor(station)
      if (waiter === null || !station.hasPlaceFor(waiter.booking.sequences)) return granted
      this.#waiters.remove(waiter)
      waiter.grant(this.#grant(waiter.booking, station))
      granted = true
    }
    return granted
  }

  #grant(booking: Booking, station: Station): Permit {
    booking.used()
    const { firstChoice } = booking
    if (firstChoice !== null && firstChoice !== station) booking.why ??= whyNot(firstChoice)
    return station.take(booking.sequences)
  }
}

function refuseOpenCircuits(plan: readonly Station[]): void {
  const opensInMs = allOpenInMs(plan)
  if (opensInMs !== null) throw circuitOpen(opensInMs)
}

/** Until the first of them is tried again; null: not all of their circuits are open. */
function allOpenInMs(plan: readonly Station[]): number | null {
  let least = Number.POSITIVE_INFINITY
  for (const { circuit } of plan) {
    const opensInMs = circuit.opensInMs()
    if (opensInMs === null) return null
    least = Math.min(least, opensInMs)
  }
  return least
}

function faultOf(work: () => unknown): unknown {
  try {
    work()
    return null
  } catch (cause) {
    return cause as Fault // a plan throws nothing else
  }
}
