// The calls that wait in a line, in order: first those that come again, then those that have not
// had their turn, each in order of arrival.
import { type GoRules, mayGoNow } from './may-go.ts'
import type { Station } from './station.ts'
import type { Waiter } from './waiter.ts'

/** The calls that stand in a line, in the order in which they came. */
export class Waiters {
  readonly #rules: GoRules
  readonly #all: Waiter[] = []

  constructor(rules: GoRules) {
    this.#rules = rules
  }

  get count(): number {
    return this.#all.length
  }

  [Symbol.iterator](): Iterator<Waiter> {
    return this.#all.values()
  }

  insert(waiter: Waiter): void {
    const behind = waiter.booking.isFirst
      ? this.#all.findIndex(({ booking }) => !booking.isFirst)
      : -1
    if (behind === -1) this.#all.push(waiter)
    else this.#all.splice(behind, 0, waiter)
  }

  /** False: it did not wait here. */
  remove(waiter: Waiter): boolean {
    const at = this.#all.indexOf(waiter)
    if (at !== -1) this.#all.splice(at, 1)
    return at !== -1
  }

  /** Ends each waiter for which there is a reason. It leaves before the line is looked at again. */
  endThose(reasonOf: (waiter: Waiter) => unknown): void {
    for (const waiter of [...this.#all]) {
      const reason = reasonOf(waiter)
      if (reason === null) continue
      this.remove(waiter)
      waiter.end(reason)
    }
  }

  /** The first that may go there; `againOnly`: only among those that come again. */
  firstFor(station: Station, againOnly = false): Waiter | null {
    for (const waiter of this.#all) {
      const { booking } = waiter
      if (againOnly && !booking.isFirst) return null
      if (booking.mayGoTo(station) && mayGoNow(booking, station, this.#rules)) return waiter
    }
    return null
  }
}
