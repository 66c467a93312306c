// How many calls of a key run at once. A place is taken with the reservation and given back when
// the call ends, however it ends; nothing is kept of a key without calls.

export interface CallsAtOnce {
  count(keyId: string): number
  /** The place, to be given back once. */
  take(keyId: string): () => void
}

export function createCallsAtOnce(): CallsAtOnce {
  const countByKey = new Map<string, number>()

  function change(keyId: string, by: 1 | -1): void {
    const count = (countByKey.get(keyId) ?? 0) + by
    if (count === 0) countByKey.delete(keyId)
    else countByKey.set(keyId, count)
  }

  return {
    count: (keyId) => countByKey.get(keyId) ?? 0,
    take(keyId) {
      change(keyId, 1)
      let isHeld = true
      return () => {
        if (isHeld) change(keyId, -1)
        isHeld = false
      }
    },
  }
}
