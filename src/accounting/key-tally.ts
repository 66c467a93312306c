// What each key used since this process began, as the key may see it. It is kept in memory, so that
// a client may look often at no cost; the ledger has the whole history.
import type { AttemptRecord, CallRecord, NanoUsd } from '#domain'

export interface KeyUsage {
  calls: number
  promptTokens: number
  completionTokens: number
  chargeNanoUsd: NanoUsd
  /** Seconds that places at deployments were taken for nothing. */
  wastedSeconds: number
}

export interface KeyTally {
  add(record: CallRecord): void
  addAttempt(record: AttemptRecord): void
  usage(keyId: string): KeyUsage
}

const nothing: KeyUsage = {
  calls: 0,
  promptTokens: 0,
  completionTokens: 0,
  chargeNanoUsd: 0,
  wastedSeconds: 0,
}

/** Keys beyond `keysMax` are not counted; an ordinary registry has fewer. */
export function createKeyTally(keysMax: number): KeyTally {
  const usageByKey = new Map<string, KeyUsage>()

  function sumsOf(keyId: string): KeyUsage | null {
    const known = usageByKey.get(keyId)
    if (known !== undefined) return known
    if (usageByKey.size >= keysMax) return null
    const sums = { ...nothing }
    usageByKey.set(keyId, sums)
    return sums
  }

  return {
    add({ keyId, usage, chargeNanoUsd }) {
      const sums = sumsOf(keyId)
      if (sums === null) return
      sums.calls += 1
      sums.promptTokens += usage.promptTokens
      sums.completionTokens += usage.completionTokens
      sums.chargeNanoUsd += chargeNanoUsd
    },
    addAttempt({ keyId, wastedSeconds }) {
      const sums = wastedSeconds === 0 ? null : sumsOf(keyId)
      if (sums !== null) sums.wastedSeconds += wastedSeconds
    },
    usage: (keyId) => ({ ...(usageByKey.get(keyId) ?? nothing) }),
  }
}
