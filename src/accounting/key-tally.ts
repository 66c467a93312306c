// What each key used since this process began, for the key's own eyes. In memory, so that whoever
// looks often costs nothing; the ledger has the whole history.
import type { CallRecord, NanoUsd } from '#domain'

export interface KeyUsage {
  calls: number
  promptTokens: number
  completionTokens: number
  chargeNanoUsd: NanoUsd
}

export interface KeyTally {
  add(record: CallRecord): void
  usage(keyId: string): KeyUsage
}

const nothing: KeyUsage = { calls: 0, promptTokens: 0, completionTokens: 0, chargeNanoUsd: 0 }

/** Keys beyond the bound are not counted: an ordinary registry has none. */
export function createKeyTally(keysMax: number): KeyTally {
  const usageByKey = new Map<string, KeyUsage>()

  function newKey(keyId: string): KeyUsage | null {
    if (usageByKey.size >= keysMax) return null
    const sums = { ...nothing }
    usageByKey.set(keyId, sums)
    return sums
  }

  return {
    add({ keyId, usage, chargeNanoUsd }) {
      const sums = usageByKey.get(keyId) ?? newKey(keyId)
      if (sums === null) return
      sums.calls += 1
      sums.promptTokens += usage.promptTokens
      sums.completionTokens += usage.completionTokens
      sums.chargeNanoUsd += chargeNanoUsd
    },
    usage: (keyId) => ({ ...(usageByKey.get(keyId) ?? nothing) }),
  }
}
