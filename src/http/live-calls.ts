// The calls that run in this process and whose they are, so that stopping can wait for them and
// then end them, and so that a key that opens nothing any more takes its calls with it.

import type { ApiKey, Fault } from '#domain'
import type { ClientEnd } from '#relay'

export interface LiveCalls {
  count(): number
  add(client: ClientEnd, key: ApiKey): void
  remove(client: ClientEnd): void
  abandonAll(fault: Fault): void
  /** Asks once for each key that has calls. */
  abandonWhere(isOver: (key: ApiKey) => boolean, fault: (key: ApiKey) => Fault): void
  /** Resolves when none is left. */
  whenNone(): Promise<void>
}

export function createLiveCalls(): LiveCalls {
  const keyOf = new Map<ClientEnd, ApiKey>()
  const waiting: (() => void)[] = []

  function tellIfNone(): void {
    if (keyOf.size === 0) for (const tell of waiting.splice(0)) tell()
  }

  return {
    count: () => keyOf.size,
    add: (client, key) => void keyOf.set(client, key),
    remove(client) {
      keyOf.delete(client)
      tellIfNone()
    },
    abandonAll(fault) {
      for (const client of keyOf.keys()) client.abandon(fault)
    },
    abandonWhere(isOver, fault) {
      const over = new Set([...new Set(keyOf.values())].filter(isOver))
      if (over.size === 0) return
      for (const [client, key] of keyOf) if (over.has(key)) client.abandon(fault(key))
    },
    whenNone() {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      tellIfNone()
      return promise
    },
  }
}
