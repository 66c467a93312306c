// Events between the socket that pushes and the relay that pulls. What is held is counted in bytes,
// so that the socket can be paused; the end and a break come in their turn, after what was before.
import type { Fault, UpstreamEvent } from '#domain'

/** Of all queues of this process, for whoever watches its memory. */
let allHeldBytes = 0

export function heldEventBytes(): number {
  return allHeldBytes
}

export class EventQueue {
  #held: UpstreamEvent[] = []
  #heldBytes = 0
  #isDiscarded = false
  #end: { fault: Fault | null } | null = null
  #waiter: PromiseWithResolvers<UpstreamEvent | null> | null = null

  get heldBytes(): number {
    return this.#heldBytes
  }

  push(event: UpstreamEvent): void {
    if (this.#end !== null || this.#isDiscarded) return
    if (this.#waiter !== null) {
      this.#waiter.resolve(event)
      this.#waiter = null
      return
    }
    this.#held.push(event)
    this.#count(sizeOf(event))
  }

  /** Nothing more will come. A second end changes nothing. */
  end(fault: Fault | null): void {
    if (this.#end !== null) return
    this.#end = { fault }
    if (this.#waiter === null) return
    if (fault === null) this.#waiter.resolve(null)
    else this.#waiter.reject(fault)
    this.#waiter = null
  }

  next(): Promise<UpstreamEvent | null> {
    const first = this.#held.shift()
    if (first !== undefined) {
      this.#count(-sizeOf(first))
      return Promise.resolve(first)
    }
    if (this.#end === null) {
      this.#waiter = Promise.withResolvers()
      return this.#waiter.promise
    }
    const { fault } = this.#end
    return fault === null ? Promise.resolve(null) : Promise.reject(fault)
  }

  /** The reader has left: what was held for it is let go, and nothing more is taken. */
  discard(): void {
    this.#isDiscarded = true
    this.#held = []
    this.#count(-this.#heldBytes)
  }

  #count(bytes: number): void {
    this.#heldBytes += bytes
    allHeldBytes += bytes
  }
}

/** Its own size, not its packet's: the last packet of a large event may be a single byte. */
function sizeOf(event: UpstreamEvent): number {
  return event.kind === 'chunk' ? event.text.length : 0
}
