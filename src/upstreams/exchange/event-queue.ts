// Events between the socket that pushes and the relay that pulls. Held events are counted in bytes,
// so that the exchange can pause the socket. The end, or a break, comes after the events before it.
import type { Fault, UpstreamEvent } from '#domain'
import { HeldBytes } from './held-bytes.ts'

/** What an event takes beside its text: many empty ones take memory too. */
const eventBytes = 256

export class EventQueue {
  readonly #heldBytes = new HeldBytes()
  #held: UpstreamEvent[] = []
  #isDiscarded = false
  #end: { fault: Fault | null } | null = null
  #waiter: PromiseWithResolvers<UpstreamEvent | null> | null = null

  get heldBytes(): number {
    return this.#heldBytes.bytes
  }

  push(event: UpstreamEvent): void {
    if (this.#end !== null || this.#isDiscarded) return
    if (this.#waiter !== null) {
      this.#waiter.resolve(event)
      this.#waiter = null
      return
    }
    this.#held.push(event)
    this.#heldBytes.add(sizeOf(event))
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

  hasMore(): boolean {
    return this.#held.length > 0
  }

  next(): Promise<UpstreamEvent | null> {
    const first = this.#held.shift()
    if (first !== undefined) {
      this.#heldBytes.add(-sizeOf(first))
      return Promise.resolve(first)
    }
    if (this.#end === null) {
      this.#waiter = Promise.withResolvers()
      return this.#waiter.promise
    }
    const { fault } = this.#end
    return fault === null ? Promise.resolve(null) : Promise.reject(fault)
  }

  /** The relay has left: held events are dropped, and no more are taken. */
  discard(): void {
    this.#isDiscarded = true
    this.#held = []
    this.#heldBytes.set(0)
  }
}

/** The event's size, not its packet's: the last packet of a large event may be a single byte. */
function sizeOf(event: UpstreamEvent): number {
  if (event.kind !== 'chunk') return eventBytes
  return (event.mould === undefined ? event.text.length : event.size) + eventBytes
}
