// A clock that stands still until a test moves it. `advance` fires what falls due in order of time
// (then of asking) and lets promises settle after each, so that a callback's consequences, new
// timers among them, happen at their own moment and not at the end.
import type { Clock, Timer } from '#src/domain/index.ts'

export interface FakeClock extends Clock {
  advance(ms: number): Promise<void>
  /** Timers that wait to be fired. */
  pending(): number
}

interface Entry {
  dueMs: number
  order: number
  callback: () => void
}

export function createFakeClock(startMs = 1_700_000_000_000): FakeClock {
  const waiting = new Set<Entry>()
  let elapsedMs = 0
  let asked = 0

  function nextDue(untilMs: number): Entry | null {
    let first: Entry | null = null
    for (const entry of waiting) {
      if (entry.dueMs > untilMs) continue
      if (first === null || comesBefore(entry, first)) first = entry
    }
    return first
  }

  return {
    nowMs: () => Math.floor(startMs + elapsedMs),
    ticksMs: () => elapsedMs,
    after(delayMs, callback): Timer {
      const entry: Entry = { dueMs: 0, order: 0, callback }
      let isCancelled = false
      const start = () => {
        if (isCancelled) return
        asked += 1
        entry.order = asked
        entry.dueMs = elapsedMs + Math.max(0, delayMs)
        waiting.add(entry)
      }
      start()
      const cancel = () => {
        isCancelled = true
        waiting.delete(entry)
      }
      return { refresh: start, cancel }
    },
    async advance(ms) {
      const untilMs = elapsedMs + ms
      await settled()
      for (let entry = nextDue(untilMs); entry !== null; entry = nextDue(untilMs)) {
        elapsedMs = Math.max(elapsedMs, entry.dueMs)
        waiting.delete(entry)
        entry.callback()
        await settled()
      }
      elapsedMs = untilMs
    },
    pending: () => waiting.size,
  }
}

function comesBefore(one: Entry, other: Entry): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order)
}

/** One turn of the event loop: everything that was only waiting for promises has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
