// The one line before a model. A call takes a place in it (bounded, at once or refused), and goes
// to the first deployment of its plan that has room for it; where none has, it waits. When a place
// opens, the first waiter whose plan allows it goes there: nobody overtakes it, also not where its
// many sequences do not fit yet, so that light calls cannot starve heavy ones.
//
// A model's own deployments are taken as they open; those of others once the call has waited for
// `fallbackAfterMs`, or when no own one can answer.
import type { Clock, Fault, HopReason, Model } from '#domain'
import { circuitOpen, fullFor, lineFull } from './faults.ts'
import type { RoutingOptions } from './options.ts'
import type { WaitsFull } from './patience.ts'
import { Place } from './place.ts'
import type { PlanAsk } from './plan.ts'
import type { Permit, Station } from './station.ts'
import { Waiter } from './waiter.ts'

export interface LinePorts {
  clock: Clock
  options: RoutingOptions
  random(): number
}

export class Line {
  model: Model
  stations: readonly Station[] = []
  /** Which stations there are, as a number: plans of before are made anew. */
  version = 0
  /** Calls that have a place and no permit. */
  entered = 0
  readonly random: () => number
  readonly #ports: LinePorts
  readonly #waiters: Waiter[] = []

  constructor(model: Model, ports: LinePorts) {
    this.model = model
    this.#ports = ports
    this.random = ports.random
  }

  get waiting(): number {
    return this.#waiters.length
  }

  /** The registry says something else of the model, or of what serves it. */
  follow(model: Model, stations: readonly Station[]): void {
    this.model = model
    this.stations = stations
    this.version += 1
    this.#endThose(({ place }) => faultOf(() => place.plan()))
    for (const waiter of this.#waiters) this.#lookWhenItMayFallBack(waiter)
    this.look()
  }

  /** A place at the end of the line; throws where nobody of the plan can answer, or it is full. */
  enter(ask: PlanAsk): Place {
    const place = new Place(this, ask)
    const plan = place.plan()
    this.#refuseOpenCircuits(plan)
    const { waitingMax } = this.#ports.options
    const free = this.#freeFor(place, plan)
    // Those that came again may be more than `waitingMax`: what is free for others stays free.
    const startsAtOnce = this.entered - this.waiting < free
    if (!startsAtOnce && this.entered >= waitingMax + free) throw lineFull()
    this.entered += 1
    return place
  }

  takeAtOnce(place: Place): Permit | null {
    for (const station of place.plan()) {
      if (this.#isFreeFor(place, station)) return this.#grant(place, station)
    }
    return null
  }

  wait(place: Place, signal: AbortSignal, patience: WaitsFull): Promise<Permit> {
    const { clock } = this.#ports
    const plan = place.plan()
    this.#refuseOpenCircuits(plan)
    const askedMs = Math.min(...plan.map(({ pause }) => pause.askedLeftMs() ?? 0))
    if (askedMs > patience.fullWaitMs) throw fullFor(askedMs)
    place.joinedTicksMs ??= clock.ticksMs()
    const onLeft = (one: Waiter) => this.#left(one)
    const waiter = new Waiter(place, patience, signal, { clock, onLeft })
    this.#insert(waiter)
    this.#lookWhenItMayFallBack(waiter)
    waiter.lookWhetherFull()
    return waiter.permit
  }

  /** There may be places that were not there before. */
  look(): void {
    if (this.#waiters.length === 0) return
    // First those who can have none of them: nobody is granted a place behind their backs.
    this.#endThose(({ place }) => {
      const opensInMs = allOpenInMs(place.plan())
      return opensInMs === null ? null : circuitOpen(opensInMs)
    })
    // A heavy call that went to one deployment may have kept places at another that was looked at.
    while (this.stations.some((station) => this.#grantsAt(station)));
    for (const waiter of this.#waiters) waiter.lookWhetherFull()
  }

  /** Behind those who came again before it. */
  #insert(waiter: Waiter): void {
    const behind = waiter.place.isFirst
      ? this.#waiters.findIndex(({ place }) => !place.isFirst)
      : -1
    if (behind === -1) this.#waiters.push(waiter)
    else this.#waiters.splice(behind, 0, waiter)
  }

  /** All of them are out of the line before anybody looks at it again. */
  #endThose(reasonOf: (waiter: Waiter) => unknown): void {
    for (const waiter of [...this.#waiters]) {
      const reason = reasonOf(waiter)
      if (reason === null) continue
      this.#remove(waiter)
      waiter.end(reason)
    }
  }

  /** Whoever stood behind it may be the first now for a place that was kept for it. */
  #left(waiter: Waiter): void {
    if (this.#remove(waiter)) this.look()
  }

  #remove(waiter: Waiter): boolean {
    const at = this.#waiters.indexOf(waiter)
    if (at !== -1) this.#waiters.splice(at, 1)
    return at !== -1
  }

  #lookWhenItMayFallBack(waiter: Waiter): void {
    const { place } = waiter
    if (place.hasWaited || !place.plan().some(isThirdParty)) return
    const { clock, options } = this.#ports
    const joinedTicksMs = place.joinedTicksMs ?? clock.ticksMs()
    waiter.lookAfter(joinedTicksMs + options.fallbackAfterMs - clock.ticksMs(), () => {
      // Not compared with the clock again: a timer may fire a fraction of a millisecond early.
      place.hasWaited = true
      this.look()
    })
  }

  /** How many sequences may start there before anybody has to wait. */
  #freeFor(place: Place, plan: readonly Station[]): number {
    let free = 0
    for (const station of plan) if (this.#isFreeFor(place, station)) free += station.free()
    return free
  }

  /** Places that are kept for those before it are not free. */
  #isFreeFor(place: Place, station: Station): boolean {
    if (!station.isOpen() || !station.hasPlaceFor(place.sequences)) return false
    if (!this.#mayTakeNow(place, station)) return false
    return this.#waiters.length === 0 || this.#firstFor(station, place.isFirst) === null
  }

  /** True: somebody got a place there. */
  #grantsAt(station: Station): boolean {
    let granted = false
    while (station.isOpen()) {
      const waiter = this.#firstFor(station)
      if (waiter === null || !station.hasPlaceFor(waiter.place.sequences)) return granted
      this.#remove(waiter)
      waiter.grant(this.#grant(waiter.place, station))
      granted = true
    }
    return granted
  }

  #firstFor(station: Station, amongFirst = false): Waiter | null {
    for (const waiter of this.#waiters) {
      if (amongFirst && !waiter.place.isFirst) return null
      if (waiter.place.mayGoTo(station) && this.#mayTakeNow(waiter.place, station)) return waiter
    }
    return null
  }

  #mayTakeNow(place: Place, station: Station): boolean {
    const plan = place.plan()
    if (plan.length === 1) return true
    if (station.deployment.isThirdParty) return this.#mayFallBack(place, plan)
    // One worker is woken at a time: others wait for it, or go to one that is ready.
    return stateOf(station) !== 'cold' || !plan.some(isBeingWoken)
  }

  #mayFallBack({ joinedTicksMs, hasWaited }: Place, plan: readonly Station[]): boolean {
    if (hasWaited) return true
    const { clock, options } = this.#ports
    if (joinedTicksMs !== null && clock.ticksMs() >= joinedTicksMs + options.fallbackAfterMs) {
      return true
    }
    return plan.every((one) => isThirdParty(one) || isAway(one))
  }

  #grant(place: Place, station: Station): Permit {
    place.used()
    const { firstChoice } = place
    if (firstChoice !== null && firstChoice !== station) place.why ??= whyNot(firstChoice)
    return station.take(place.sequences)
  }

  #refuseOpenCircuits(plan: readonly Station[]): void {
    const opensInMs = allOpenInMs(plan)
    if (opensInMs !== null) throw circuitOpen(opensInMs)
  }
}

function isThirdParty({ deployment }: Station): boolean {
  return deployment.isThirdParty
}

/** Nobody is sent there at present. */
function isAway({ circuit, upstream }: Station): boolean {
  if (circuit.state.is === 'open') return true
  const { state } = upstream.readiness()
  return state === 'no-capacity' || state === 'failing' || state === 'off'
}

/** It says so once the call that wakes it is sent. An open circuit is waited for by nobody. */
function isBeingWoken(station: Station): boolean {
  if (station.circuit.state.is === 'open') return false
  const state = stateOf(station)
  return state === 'warming' || (state === 'cold' && station.running > 0)
}

function stateOf({ upstream }: Station): string {
  return upstream.readiness().state
}

/** Why a call does not go to its first choice. */
function whyNot(station: Station): HopReason {
  if (!station.circuit.admits()) return 'circuit'
  const state = stateOf(station)
  return state === 'cold' || state === 'warming' || state === 'no-capacity' ? 'cold' : 'full'
}

/** Until the first of them is tried again; null: one of them is not open. */
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
