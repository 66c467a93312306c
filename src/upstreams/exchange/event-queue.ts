// Events between the socket that pushes and the relay that pulls. What is held is counted in bytes,
// so that the socket can be paused; the end and a break come in their turn, after what was before.
import type { Fault, UpstreamEvent } from '#domain'
import { HeldBytes } from './held-bytes.ts'

/** What an event takes beside its text: many of nothing are not free. */
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

  /** The reader has left: what was held for it is let go, and nothing more is taken. */
  discard(): void {
    this.#isDiscarded = true
    this.#held = []
    this.#heldBytes.set(0)
  }
}

/** Its own size, not its packet's: the last packet of a large event may be a single byte. */
function sizeOf(event: UpstreamEvent): number {
  if (event.kind !== 'chunk') return eventBytes
  return (event.mould === undefined ? event.text.length : event.size) + eventBytes
}
