// A part of the registry, kept in memory so that no call waits for a query. It is read again when
// the change counter moved: a change by a command in another process shows within one poll.
import { type Clock, ListenerSet, type Timer } from '#domain'
import type { Registry } from './registry.ts'

export interface SnapshotOptions {
  clock: Clock
  pollMs: number
  /** Called when a poll fails. The last good snapshot stays, and the next poll tries again. */
  onTrouble?: (cause: unknown) => void
}

export interface Snapshot<T> extends Disposable {
  value(): T
  refresh(): Promise<void>
  onChange(listener: () => void): Disposable
}

export async function openSnapshot<T>(
  registry: Registry,
  options: SnapshotOptions,
  read: (registry: Registry) => Promise<T>,
): Promise<Snapshot<T>> {
  const listeners = new ListenerSet()
  let counted = registry.changeCounter()
  let value = await read(registry)
  let isDisposed = false
  let timer: Timer | null = null

  async function refresh(): Promise<void> {
    // The counter is read first: a change between the two is read once more, never missed.
    const counter = registry.changeCounter()
    const fresh = await read(registry)
    counted = counter
    value = fresh
    listeners.tell()
  }

  async function poll(): Promise<void> {
    try {
      if (registry.changeCounter() !== counted) await refresh()
    } catch (cause) {
      if (!isDisposed) options.onTrouble?.(cause)
    }
    if (!isDisposed) timer?.refresh()
  }

  timer = options.clock.after(options.pollMs, () => void poll())
  return {
    value: () => value,
    refresh,
    onChange: (listener) => listeners.add(listener),
    [Symbol.dispose]() {
      isDisposed = true
      timer?.cancel()
      listeners.clear()
    },
  }
}
