// The calls that run in this process, each with its key: a drain waits for them and then ends them,
// and a key that was revoked or has expired ends its own.
//
// A list, not a `Map`: a map that is added to and deleted from all day allocates a new table every
// so often, and each old table keeps the calls that ran then alive until a full collection.
// Measured: 4 KB of each call.
import { type ApiKey, type Fault, WhenEmpty } from '#domain'
import type { ClientEnd } from '#relay'
import { keyClosed } from './faults.ts'
import type { HttpPorts } from './ports.ts'

/** One call in the list; `remove` asks for it. */
interface LiveCall {
  readonly client: ClientEnd
  readonly key: ApiKey
  /** Its index in the list; -1: it was removed. */
  at: number
}

export interface LiveCalls {
  count(): number
  add(client: ClientEnd, key: ApiKey): LiveCall
  remove(call: LiveCall): void
  abandonAll(fault: Fault): void
  /** Asks once for each key that has calls. */
  abandonWhere(isOver: (key: ApiKey) => boolean, fault: (key: ApiKey) => Fault): void
  /** Resolves when no call is left. */
  whenNone(): Promise<void>
}

export function createLiveCalls(): LiveCalls {
  const calls: LiveCall[] = []
  const emptied = new WhenEmpty(() => calls.length === 0)

  /** The last call of the list moves to where the removed one was. */
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

/** Each look asks the keyring once for each key that has calls. */
const lookEveryMs = 400

/**
 * Ends the running calls of a key that was revoked or has expired. The keyring tells of changes,
 * those of another process within half a second. Nothing tells of an expiry, so it is looked for.
 */
export function endCallsOfClosedKeys(
  calls: LiveCalls,
  watch: Pick<HttpPorts, 'clock' | 'stillOpens' | 'onKeysChange'>,
): Disposable {
  const look = () => calls.abandonWhere((key) => !watch.stillOpens(key), keyClosed)
  const listening = watch.onKeysChange(look)
  const timer = watch.clock.after(lookEveryMs, () => {
    look()
    timer.refresh()
  })
  return {
    [Symbol.dispose]() {
      timer.cancel()
      listening[Symbol.dispose]()
    },
  }
}
