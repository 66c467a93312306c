// When a place at the upstream is free again: said exactly once for each exchange. A cancellation
// that cannot be proven keeps the place for a while, because the GPU may still be working on it.
import type { Cancellation, Clock, Released } from '#domain'

/** Places that stay taken after a cancellation that cannot be proven. */
export interface Holds {
  hold(over: () => void): void
  /** The process ends: what is still held is said now, or it would never be written down. */
  endAll(): void
}

export interface ReleaseTerms {
  cancellation: Cancellation
  holds: Holds
  onReleased(released: Released): void
}

export class Release {
  readonly #terms: ReleaseTerms
  #isSaid = false

  constructor(terms: ReleaseTerms) {
    this.#terms = terms
  }

  /** Nothing was sent, or the work came to its own end. */
  free(how: 'unsent' | 'ended'): void {
    if (this.#isSaid) return
    this.#isSaid = true
    this.#terms.onReleased(how === 'ended' ? ended : unsent)
  }

  /** The exchange was torn down in the middle of the work. */
  tornDown(): void {
    if (this.#isSaid) return
    this.#isSaid = true
    const { cancellation, holds, onReleased } = this.#terms
    if (cancellation === 'proven') onReleased({ how: 'destroyed', cancellation })
    else holds.hold(() => onReleased({ how: 'held', cancellation }))
  }
}

const ended: Released = { how: 'ended', cancellation: 'none' }
const unsent: Released = { how: 'unsent', cancellation: 'none' }

export function createHolds(clock: Clock, orphanHoldMs: () => number): Holds {
  const held = new Set<() => void>()
  return {
    hold(over) {
      const timer = clock.after(orphanHoldMs(), end)
      function end(): void {
        timer.cancel()
        if (held.delete(end)) over()
      }
      held.add(end)
    },
    endAll() {
      for (const end of [...held]) end()
    },
  }
}
