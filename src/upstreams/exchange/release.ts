// When a place at the upstream is free again: said exactly once for each exchange. A cancellation
// that cannot be proven keeps the place for a while, because the GPU may still be working on it.
import type { Cancellation, Clock, Released } from '#domain'

export interface Release {
  /** Nothing was sent, or the work came to its own end. */
  free(how: 'unsent' | 'ended'): void
  /** The exchange was torn down in the middle of the work. */
  tornDown(): void
}

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

export function createRelease(terms: ReleaseTerms): Release {
  let said = false

  const say = terms.onReleased

  return {
    free(how) {
      if (said) return
      said = true
      say({ how, cancellation: 'none' })
    },
    tornDown() {
      if (said) return
      said = true
      if (terms.cancellation === 'proven') say({ how: 'destroyed', cancellation: 'proven' })
      else terms.holds.hold(() => say({ how: 'held', cancellation: 'hoped' }))
    },
  }
}

export function createHolds(clock: Clock, orphanHoldMs: number): Holds {
  const held = new Set<() => void>()
  return {
    hold(over) {
      const timer = clock.after(orphanHoldMs, end)
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
