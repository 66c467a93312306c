// The calls that run in this process and whose they are, so that stopping can wait for them and
// then end them, and so that a key that opens nothing any more takes its calls with it.
//
// A list, not a `Map`: a map that is added to and deleted from all day makes itself a new table
// every so often, and what the old tables point at, which is every call that was running then,
// lives until a full collection. Measured: 4 KB of each call.

import { type ApiKey, type Fault, WhenEmpty } from '#domain'
import type { ClientEnd } from '#relay'

/** One call in the list; given back to take it out again. */
export interface LiveCall {
  readonly client: ClientEnd
  readonly key: ApiKey
  /** Where it stands; -1 when it has been taken out. */
  at: number
}

export interface LiveCalls {
  count(): number
  add(client: ClientEnd, key: ApiKey): LiveCall
  remove(call: LiveCall): void
  abandonAll(fault: Fault): void
  /** Asks once for each key that has calls. */
  abandonWhere(isOver: (key: ApiKey) => boolean, fault: (key: ApiKey) => Fault): void
  /** Resolves when none is left. */
  whenNone(): Promise<void>
}

export function createLiveCalls(): LiveCalls {
  const calls: LiveCall[] = []
  const emptied = new WhenEmpty(() => calls.length === 0)

  /** The last one takes the place of the one that leaves. */
  function remove(call: LiveCall): void {
    const last = calls[call.at] === call ? calls.pop() : undefined
    if (last === undefined) return
    if (last !== call) {
      calls[call.at] = last
      last.at = call.at
    }
    call.at = -1
    emptied.look()
  }

  return {
    count: () => calls.length,
    add(client, key) {
      const call = { client, key, at: calls.length }
      calls.push(call)
      return call
    },
    remove,
    abandonAll(fault) {
      for (const { client } of [...calls]) client.abandon(fault)
    },
    abandonWhere(isOver, fault) {
      const keys = new Set(calls.map(({ key }) => key))
      const over = new Set([...keys].filter(isOver))
      for (const { client, key } of [...calls]) if (over.has(key)) client.abandon(fault(key))
    },
    whenNone: () => emptied.wait(),
  }
}
