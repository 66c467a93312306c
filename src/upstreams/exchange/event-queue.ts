// Events between the socket that pushes and the relay that pulls. What is held is counted in bytes,
// so that the socket can be paused; the end and a break come in their turn, after what was before.
import type { Fault, UpstreamEvent } from '#domain'

export interface EventQueue {
  push(event: UpstreamEvent, bytes: number): void
  /** Nothing more will come. A second end changes nothing. */
  end(fault: Fault | null): void
  next(): Promise<UpstreamEvent | null>
  heldBytes(): number
  /** The reader has left: what was held for it is let go, and nothing more is taken. */
  discard(): void
}

/** Of all queues of this process, for whoever watches its memory. */
let allHeldBytes = 0

export function heldEventBytes(): number {
  return allHeldBytes
}

export function createEventQueue(onDrain: () => void): EventQueue {
  const held: { event: UpstreamEvent; bytes: number }[] = []
  let heldBytes = 0
  let isDiscarded = false
  let ended: { fault: Fault | null } | null = null
  let waiter: PromiseWithResolvers<UpstreamEvent | null> | null = null

  function push(event: UpstreamEvent, bytes: number): void {
    if (ended !== null || isDiscarded) return
    if (waiter !== null) {
      waiter.resolve(event)
      waiter = null
      return
    }
    held.push({ event, bytes })
    count(bytes)
  }

  function count(bytes: number): void {
    heldBytes += bytes
    allHeldBytes += bytes
  }

  function discard(): void {
    isDiscarded = true
    held.length = 0
    count(-heldBytes)
  }

  function end(fault: Fault | null): void {
    if (ended !== null) return
    ended = { fault }
    if (waiter === null) return
    if (fault === null) waiter.resolve(null)
    else waiter.reject(fault)
    waiter = null
  }

  function next(): Promise<UpstreamEvent | null> {
    const first = held.shift()
    if (first !== undefined) {
      count(-first.bytes)
      onDrain()
      return Promise.resolve(first.event)
    }
    if (ended === null) {
      waiter = Promise.withResolvers()
      return waiter.promise
    }
    return ended.fault === null ? Promise.resolve(null) : Promise.reject(ended.fault)
  }

  return { push, end, next, discard, heldBytes: () => heldBytes }
}
