// Ends the running calls of a key that was revoked or has expired. The keyring tells of changes,
// those of another process within half a second. Nothing tells of an expiry, so it is looked for.
import type { ApiKey, Clock } from '#domain'
import { keyClosed } from './faults.ts'
import type { LiveCalls } from './live-calls.ts'

export interface KeyWatch {
  clock: Clock
  /** Whether the token that opened as this key would open now. */
  stillOpens(key: ApiKey): boolean
  onKeysChange(listener: () => void): Disposable
}

/** Each look asks the keyring once for each key that has calls. */
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
