// Timers in order of when they fall due: a binary heap in which each timer knows its place, so that
// taking one out costs no search. Ten days of a trace are millions of timers.

export interface WaitingTimer {
  dueMs: number
  /** Of two that fall due together, the one that was asked for first. */
  order: number
  readonly callback: () => void
  /** Where it stands in the heap; -1: it does not. */
  place: number
}

export interface TimerHeap {
  add(timer: WaitingTimer): void
  /** Nothing happens if it is not waiting. */
  remove(timer: WaitingTimer): void
  /** The first, if it falls due by then. */
  takeDue(untilMs: number): WaitingTimer | null
}

export function openTimerHeap(): TimerHeap {
  const heap: WaitingTimer[] = []

  function put(timer: WaitingTimer, place: number): void {
    heap[place] = timer
    timer.place = place
  }

  function rise(timer: WaitingTimer, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || comesBefore(parent, timer)) break
      put(parent, place)
      place = above
    }
    put(timer, place)
  }

  function sink(timer: WaitingTimer, from: number): void {
    let place = from
    for (;;) {
      const below = firstBelow(place)
      const child = heap[below]
      if (child === undefined || comesBefore(timer, child)) break
      put(child, place)
      place = below
    }
    put(timer, place)
  }

  function firstBelow(place: number): number {
    const left = heap[2 * place + 1]
    const right = heap[2 * place + 2]
    const isRight = left !== undefined && right !== undefined && comesBefore(right, left)
    return isRight ? 2 * place + 2 : 2 * place + 1
  }

  function remove(timer: WaitingTimer): void {
    const { place } = timer
    if (place === -1) return
    timer.place = -1
    const last = heap.pop()
    if (last === undefined || last === timer) return
    sink(last, place)
    rise(last, last.place)
  }

  return {
    add(timer) {
      rise(timer, heap.length)
    },
    remove,
    takeDue(untilMs) {
      const first = heap[0]
      if (first === undefined || first.dueMs > untilMs) return null
      remove(first)
      return first
    },
  }
}

function comesBefore(one: WaitingTimer, other: WaitingTimer): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order)
}
