// Timers in order of when they fall due: a binary heap in which each timer knows its index, so that
// taking one out costs no search. Ten days of a trace are millions of timers.

export interface WaitingTimer {
  dueMs: number
  /** Of two that fall due together, the one that was asked for first. */
  order: number
  readonly callback: () => void
  /** In the heap; -1: it is not waiting. */
  index: number
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

  function put(timer: WaitingTimer, index: number): void {
    heap[index] = timer
    timer.index = index
  }

  function rise(timer: WaitingTimer, from: number): void {
    let index = from
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || comesBefore(parent, timer)) break
      put(parent, index)
      index = above
    }
    put(timer, index)
  }

  function sink(timer: WaitingTimer, from: number): void {
    let index = from
    for (;;) {
      const below = firstBelow(index)
      const child = heap[below]
      if (child === undefined || comesBefore(timer, child)) break
      put(child, index)
      index = below
    }
    put(timer, index)
  }

  function firstBelow(index: number): number {
    const left = heap[2 * index + 1]
    const right = heap[2 * index + 2]
    const isRight = left !== undefined && right !== undefined && comesBefore(right, left)
    return isRight ? 2 * index + 2 : 2 * index + 1
  }

  function remove(timer: WaitingTimer): void {
    const { index } = timer
    if (index === -1) return
    timer.index = -1
    const last = heap.pop()
    if (last === undefined || last === timer) return
    sink(last, index)
    rise(last, last.index)
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
