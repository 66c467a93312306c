// One call that waits in line until it gets its permit, is abandoned, or has waited too long for
// upstreams that are full. That time begins when all deployments of its plan have said that they
// are full. It stops when one of them answers a call again, unless this very call was turned away.
import type { Clock, Timer } from '#domain'
import type { Booking } from './booking.ts'
import { fullFor } from './faults.ts'
import type { WaitsFull } from './patience.ts'
import type { Permit } from './station.ts'

export interface WaiterPorts {
  clock: Clock
  /** It left the line without a permit. */
  onLeft(waiter: Waiter): void
}

export class Waiter {
  readonly booking: Booking
  readonly permit: Promise<Permit>
  readonly #patience: WaitsFull
  readonly #clock: Clock
  readonly #settle = Promise.withResolvers<Permit>()
  readonly #signal: AbortSignal
  readonly #onLeft: (waiter: Waiter) => void
  readonly #abandoned = () => this.end(this.#signal.reason)
  #fullTimer: Timer | null = null
  #lookTimer: Timer | null = null

  constructor(booking: Booking, patience: WaitsFull, signal: AbortSignal, ports: WaiterPorts) {
    const { clock, onLeft } = ports
    this.#onLeft = onLeft
    this.booking = booking
    this.permit = this.#settle.promise
    this.#patience = patience
    this.#clock = clock
    this.#signal = signal
    signal.addEventListener('abort', this.#abandoned, { once: true })
    const untilTicksMs = patience.fullUntilTicksMs
    if (untilTicksMs !== null) this.#waitForFull(untilTicksMs - clock.ticksMs())
  }

  grant(permit: Permit): void {
    this.#over()
    this.#settle.resolve(permit)
  }

  end(reason: unknown): void {
    this.#over()
    this.#settle.reject(reason)
    this.#onLeft(this)
  }

  lookAfter(ms: number, look: () => void): void {
    this.#lookTimer ??= this.#clock.after(ms, look)
  }

  lookWhetherFull(): void {
    if (this.#patience.fullUntilTicksMs !== null) return
    const plan = this.booking.plan()
    if (this.#fullTimer === null) {
      const isFull = plan.every(({ pause }) => pause.isOnAsFull)
      if (isFull) this.#waitForFull(this.#patience.fullWaitMs)
    } else if (!plan.every(({ pause }) => pause.isFull)) {
      this.#fullTimer.cancel()
      this.#fullTimer = null
    }
  }

  #waitForFull(ms: number): void {
    this.#fullTimer = this.#clock.after(ms, () => {
      const lefts = this.booking.plan().map(({ pause }) => pause.leftMs())
      const isPaused = lefts.every((left) => left !== null)
      this.end(fullFor(isPaused ? Math.min(...lefts.map((left) => left ?? 0)) : null))
    })
  }

  #over(): void {
    this.#fullTimer?.cancel()
    this.#lookTimer?.cancel()
    this.#signal.removeEventListener('abort', this.#abandoned)
  }
}
