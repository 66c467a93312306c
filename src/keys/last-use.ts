// When each key was last used. This is kept in memory and written to the registry once a minute,
// never on the way of a call. It is written in small parts, so that many keys do not stop the event
// loop.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ApiKey, Clock } from '#domain'
import type { Registry } from '#storage'

export interface LastUse extends AsyncDisposable {
  note(key: ApiKey): void
}

export interface LastUseOptions {
  clock: Clock
  /** The write failed; it is tried again in a minute. */
  onTrouble?: (cause: unknown) => void
}

const writeEveryMs = 60_000
const keysPerTurn = 50

export function keepLastUse(registry: Registry, { clock, onTrouble }: LastUseOptions): LastUse {
  let used = new Map<string, number>()
  let writing: Promise<void> = Promise.resolve()
  let isDisposed = false

  async function write(): Promise<void> {
    const batch = [...used]
    used = new Map()
    try {
      for (let at = 0; at < batch.length; at += keysPerTurn) {
        await writeUses(registry, batch.slice(at, at + keysPerTurn))
        await nextTurn()
      }
    } catch (cause) {
      for (const [id, atMs] of batch) used.set(id, Math.max(used.get(id) ?? 0, atMs))
      onTrouble?.(cause)
    }
  }

  const timer = clock.after(writeEveryMs, () => {
    if (used.size > 0) writing = writing.then(write)
    void writing.then(() => {
      if (!isDisposed) timer.refresh()
    })
  })

  return {
    // Bounded by the number of keys: each was found in the keyring.
    note: (key) => void used.set(key.id, clock.nowMs()),
    async [Symbol.asyncDispose]() {
      isDisposed = true
      timer.cancel()
      await writing.then(write)
    },
  }
}

/** Several gateways write here, so a moment only moves forward. Environment keys have no row. */
function writeUses(registry: Registry, uses: readonly [string, number][]): Promise<void> {
  return registry.transaction(async (db) => {
    for (const [id, atMs] of uses) {
      await db
        .updateTable('api_keys')
        .set({ last_used_at_ms: atMs })
        .where('id', '=', id)
        .where((or) => or.or([or('last_used_at_ms', 'is', null), or('last_used_at_ms', '<', atMs)]))
        .execute()
    }
  })
}
