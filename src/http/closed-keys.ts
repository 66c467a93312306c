// A key that was revoked or has expired ends its calls in flight: within one look at the keyring,
// which itself sees another process's change within half a second.
import type { ApiKey, Clock } from '#domain'
import { keyClosed } from './faults.ts'
import type { LiveCalls } from './live-calls.ts'

export interface KeyWatch {
  clock: Clock
  /** Whether the token that opened as this key would open now. */
  stillOpens(key: ApiKey): boolean
  onKeysChange(listener: () => void): Disposable
}

/** Expiry tells nobody: it is looked for. One question for each key that has calls. */
const lookEveryMs = 400

export function endCallsOfClosedKeys(calls: LiveCalls, watch: KeyWatch): Disposable {
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
