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
  return {
    add({ keyId, usage, chargeNanoUsd }) {
      const before = usageByKey.get(keyId) ?? nothing
      if (before === nothing && usageByKey.size >= keysMax) return
      usageByKey.set(keyId, {
        calls: before.calls + 1,
        promptTokens: before.promptTokens + usage.promptTokens,
        completionTokens: before.completionTokens + usage.completionTokens,
        chargeNanoUsd: before.chargeNanoUsd + chargeNanoUsd,
      })
    },
    usage: (keyId) => usageByKey.get(keyId) ?? nothing,
  }
}
