// What a call holds of its model's line from when it enters the line to its last attempt: the plan
// of deployments that may answer it, and its right to a permit. A permit uses the booking up; when
// the attempt fails, the call comes again with the same booking.
import type { HopReason, Model } from '#domain'
import type { WaitsFull } from './patience.ts'
import { inPolicysOrder, type PlanAsk, planFor } from './plan.ts'
import type { Permit, Station } from './station.ts'

/** What a booking needs of its line. */
export interface BookedLine {
  readonly model: Model
  readonly stations: readonly Station[]
  /** Grows when model or stations change: bookings then make their plans anew. */
  readonly version: number
  /** Calls that entered the line and have no permit yet. */
  entered: number
  readonly random: () => number
  /** null: no deployment of the plan has places for the call now. */
  takeAtOnce(booking: Booking): Permit | null
  wait(booking: Booking, signal: AbortSignal, patience: WaitsFull): Promise<Permit>
}

export class Booking {
  readonly ask: PlanAsk
  readonly sequences: number
  /** The call had its turn and got no answer: it waits before those who have not had theirs. */
  isFirst = false
  /** Where the policy would have it go. */
  firstChoice: Station | null = null
  /** Why its next attempt is not its first, or not at its first choice. */
  why: HopReason | null = null
  joinedTicksMs: number | null = null
  /** It waited for `fallbackAfterMs`: deployments of others may answer it too. */
  hasWaited = false
  readonly #line: BookedLine
  #plan: readonly Station[] = []
  #version = -1
  #failedAt: Station[] | null = null
  #preferred: Station | null = null
  #is: 'entered' | 'aside' | 'used' = 'entered'

  constructor(line: BookedLine, ask: PlanAsk) {
    this.#line = line
    this.ask = ask
    this.sequences = ask.call.sequences
  }

  /** Throws when no deployment is left. */
  plan(): readonly Station[] {
    if (this.#version === this.#line.version) return this.#plan
    const { model, stations, random } = this.#line
    const failedAt = this.#failedAt
    const left = failedAt === null ? stations : stations.filter((one) => !failedAt.includes(one))
    this.#plan = inPolicysOrder(model, planFor(this.ask, model, left), random)
    // Only now: if `planFor` throws, the next look must throw again and not find the old plan.
    this.#version = this.#line.version
    this.firstChoice ??= this.#plan[0] ?? null
    const preferred = this.#preferred
    if (preferred !== null && this.#plan.includes(preferred)) {
      this.#plan = [preferred, ...this.#plan.filter((one) => one !== preferred)]
    }
    return this.#plan
  }

  mayGoTo(station: Station): boolean {
    return this.plan().includes(station)
  }

  /** Other deployments of the plan are left without this one. */
  hasOthersThan(station: Station): boolean {
    return this.#planOrNothing().some((one) => one !== station)
  }

  /** All deployments of the plan said that they take nothing now. */
  isPaused(): boolean {
    const plan = this.#planOrNothing()
    return plan.length > 0 && plan.every(({ pause }) => pause.isOn)
  }

  /** A permit without waiting; null: the call must wait. */
  atOnce(): Permit | null {
    this.#comeBack()
    return this.#line.takeAtOnce(this)
  }

  /**
   * Resolves with a permit. Rejects with the signal's reason, or with a fault when the call has
   * waited too long, or when no deployment of its plan can answer any more.
   */
  async permit(signal: AbortSignal, patience: WaitsFull): Promise<Permit> {
    this.#comeBack()
    try {
      signal.throwIfAborted()
      return this.atOnce() ?? (await this.#line.wait(this, signal, patience))
    } catch (cause) {
      this.leave()
      throw cause
    }
  }

  /** The line gave the call its permit. */
  used(): void {
    this.#become('used')
  }

  /** Back to the head of the line; `preferred`: the deployment to try first, if it is planned. */
  comeAgain(why: HopReason, preferred: Station | null): void {
    this.isFirst = true
    this.why = why
    this.#preferred = preferred
    this.#version = -1
    this.#become('entered')
  }

  /** The deployment failed the call: the plan goes on without it. */
  leaveOut(station: Station): void {
    this.#failedAt = [...(this.#failedAt ?? []), station]
    this.#version = -1
  }

  /** The call waits for its key first: until it asks for a permit, it does not count as entered. */
  standAside(): void {
    if (this.#is === 'entered') this.#become('aside')
  }

  leave(): void {
    this.#become('used')
  }

  #planOrNothing(): readonly Station[] {
    try {
      return this.plan()
    } catch {
      // The caller already has a fault, which tells the client more than this one.
      return []
    }
  }

  #comeBack(): void {
    if (this.#is === 'aside') this.#become('entered')
  }

  #become(is: 'entered' | 'aside' | 'used'): void {
    if (this.#is === is) return
    if (this.#is === 'entered') this.#line.entered -= 1
    else if (is === 'entered') this.#line.entered += 1
    this.#is = is
  }
}
