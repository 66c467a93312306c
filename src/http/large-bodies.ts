// Reads large bodies one after the other, each in short turns of the event loop: a surface may take
// 0.1 s to read 4 MB, and no other call should wait so long. One at a time, because what a surface
// makes of a body while it reads takes many times the memory of the bytes.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '#domain'
import type { Pieces } from '#wire'

const turnMsMax = 5

export class LargeBodies {
  readonly #clock: Pick<Clock, 'ticksMs'>
  #latest: Promise<void> = Promise.resolve()

  constructor(clock: Pick<Clock, 'ticksMs'>) {
    this.#clock = clock
  }

  /** A body that is read in a single piece is read at once and waits for no other. */
  read<T>(pieces: Pieces<T>): T | Promise<T> {
    const first = pieces.next()
    if (first.done) return first.value
    const reading = this.#latest.then(() => this.#inTurns(pieces))
    const over = () => {}
    this.#latest = reading.then(over, over)
    return reading
  }

  async #inTurns<T>(pieces: Pieces<T>): Promise<T> {
    for (;;) {
      const untilMs = this.#clock.ticksMs() + turnMsMax
      do {
        const piece = pieces.next()
        if (piece.done) return piece.value
      } while (this.#clock.ticksMs() < untilMs)
      await nextTurn()
    }
  }
}
