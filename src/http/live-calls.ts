// The calls that run in this process, so that stopping can wait for them and then end them.

import type { Fault } from '#domain'
import type { ClientEnd } from '#relay'

export interface LiveCalls {
  count(): number
  add(client: ClientEnd): void
  remove(client: ClientEnd): void
  abandonAll(fault: Fault): void
  /** Resolves when none is left. */
  whenNone(): Promise<void>
}

export function createLiveCalls(): LiveCalls {
  const clients = new Set<ClientEnd>()
  const waiting: (() => void)[] = []

  function tellIfNone(): void {
    if (clients.size === 0) for (const tell of waiting.splice(0)) tell()
  }

  return {
    count: () => clients.size,
    add: (client) => void clients.add(client),
    remove(client) {
      clients.delete(client)
      tellIfNone()
    },
    abandonAll(fault) {
      for (const client of clients) client.abandon(fault)
    },
    whenNone() {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      tellIfNone()
      return promise
    },
  }
}
