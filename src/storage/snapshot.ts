// A part of the registry, held in memory. It is read again when the change counter moved, so that
// what a command changed in another process shows within one poll, and no call waits for a query.
import { type Clock, ListenerSet, type Timer } from '#domain'
import type { Registry } from './registry.ts'

export interface SnapshotOptions {
  clock: Clock
  pollMs: number
  /** A poll that failed: the last good snapshot stays, and the next poll tries again. */
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
    // Counted before reading: a change in between is seen as one more, never missed.
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
