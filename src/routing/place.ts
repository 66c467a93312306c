// What a call holds of its model's line, from when it was let in to its last attempt: its plan, and
// a place to wait in. Each time it gets a permit the place is used, until it comes again.
import type { HopReason } from '#domain'
import type { Line } from './line.ts'
import type { WaitsFull } from './patience.ts'
import { inPolicysOrder, type PlanAsk, planFor } from './plan.ts'
import type { Permit, Station } from './station.ts'

export class Place {
  readonly ask: PlanAsk
  readonly sequences: number
  /** Behind it stand those who came later; a call that had its turn and got nothing is first. */
  isFirst = false
  /** Where the policy would have it go. */
  firstChoice: Station | null = null
  /** Why its next attempt is not its first, or not at its first choice. */
  why: HopReason | null = null
  joinedTicksMs: number | null = null
  /** So long that deployments of others may answer it. */
  hasWaited = false
  readonly #line: Line
  #plan: readonly Station[] = []
  #version = -1
  #failedAt: Station[] | null = null
  #preferred: Station | null = null
  #is: 'entered' | 'aside' | 'used' = 'entered'

  constructor(line: Line, ask: PlanAsk) {
    this.#line = line
    this.ask = ask
    this.sequences = ask.call.sequences
  }

  /** Throws where none is left. */
  plan(): readonly Station[] {
    if (this.#version === this.#line.version) return this.#plan
    const { model, stations, random } = this.#line
    const failedAt = this.#failedAt
    const left = failedAt === null ? stations : stations.filter((one) => !failedAt.includes(one))
    this.#plan = inPolicysOrder(model, planFor(this.ask, model, left), random)
    // Only now: where nobody is left, the plan of before must not be followed either.
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

  /** Others are left for it when this one is taken away. */
  hasOthersThan(station: Station): boolean {
    return this.#planOrNothing().some((one) => one !== station)
  }

  /** All of its plan said that they take nothing now. */
  isPaused(): boolean {
    const plan = this.#planOrNothing()
    return plan.length > 0 && plan.every(({ pause }) => pause.isOn)
  }

  /** A permit that is there for it now; null: it must wait. */
  atOnce(): Permit | null {
    this.#comeBack()
    const permit = this.#line.takeAtOnce(this)
    if (permit !== null) this.used()
    return permit
  }

  /**
   * The next permit that may be its own. Rejects with the signal's reason, or with a fault where
   * it has waited too long, or none of its plan can answer any more.
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

  /** It has its permit. */
  used(): void {
    if (this.#is === 'used') return
    this.#is = 'used'
    this.#line.entered -= 1
  }

  /** It comes again, to the head of the line: for the same deployment where that has a place. */
  comeAgain(why: HopReason, preferred: Station | null): void {
    this.isFirst = true
    this.why = why
    this.#preferred = preferred
    this.#version = -1
    if (this.#is === 'entered') return
    this.#is = 'entered'
    this.#line.entered += 1
  }

  /** Not there any more. */
  leaveOut(station: Station): void {
    this.#failedAt = [...(this.#failedAt ?? []), station]
    this.#version = -1
  }

  /**
   * The call waits for something else first, and comes back for its permit: so long it takes none
   * of the places that others could wait in.
   */
  standAside(): void {
    if (this.#is !== 'entered') return
    this.#is = 'aside'
    this.#line.entered -= 1
  }

  leave(): void {
    if (this.#is === 'entered') this.#line.entered -= 1
    this.#is = 'used'
  }

  #planOrNothing(): readonly Station[] {
    try {
      return this.plan()
    } catch {
      // Whoever asks has a fault of the call already, which tells its client more.
      return []
    }
  }

  #comeBack(): void {
    if (this.#is !== 'aside') return
    this.#is = 'entered'
    this.#line.entered += 1
  }
}
