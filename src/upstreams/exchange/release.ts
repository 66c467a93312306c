// Who frees a place: the upstream's work does. The exchange says once how that work ended, and this
// file decides when the place is free. If closing the connection is not proven to stop the work, a
// torn-down exchange keeps its place for a while, because the GPU may still be busy with it.
//
// `onReleased` then gives back what the attempt took: routing's permit at the deployment, and
// limits' places of the key. Until then both stay taken, even if the call has ended.
import type { Cancellation, Clock, Released } from '#domain'

/** How the work ended: it never began, it came to its own end, or it was cut off. */
export type WorkEnd = 'unsent' | 'ended' | 'torn down'

/** Places that stay taken after a cancellation that is not proven. */
export interface Holds {
  hold(over: () => void): void
  /** The process ends: held places are released now, or their attempts would not be recorded. */
  endAll(): void
}

export class Release {
  readonly #cancellation: Cancellation
  readonly #holds: Holds
  readonly #onReleased: (released: Released) => void
  #isSaid = false

  constructor(cancellation: Cancellation, holds: Holds, onReleased: (released: Released) => void) {
    this.#cancellation = cancellation
    this.#holds = holds
    this.#onReleased = onReleased
  }

  /** Only the first call counts. */
  say(how: WorkEnd): void {
    if (this.#isSaid) return
    this.#isSaid = true
    const cancellation = this.#cancellation
    const onReleased = this.#onReleased
    if (how === 'ended') onReleased(ended)
    else if (how === 'unsent') onReleased(unsent)
    else if (cancellation === 'proven') onReleased({ how: 'destroyed', cancellation })
    else this.#holds.hold(() => onReleased({ how: 'held', cancellation }))
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
