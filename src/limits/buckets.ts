// What a key may use in a minute (requests, or tokens), as a bucket that refills evenly. It has no
// window with an edge at which a key could use twice as much, and clients are told an exact reset.
// What a bucket lacks is kept in requests or tokens, not in time, so a changed limit holds at once.
import type { Clock, RateState } from '#domain'

export interface Bucket {
  keyId: string
  /** How much a full bucket holds, and how much flows back in a minute. */
  perMinute: number
}

/** The buckets of all keys, for one kind of limit. */
export interface Buckets {
  /** Takes `amount`, or nothing if less is left. */
  take(bucket: Bucket, amount: number): { isTaken: boolean; rate: RateState }
  /** Puts back what was taken but not used. */
  giveBack(bucket: Bucket, amount: number): void
  /** What is left; takes nothing. */
  look(bucket: Bucket): RateState
}

interface Debt {
  amount: number
  atTicksMs: number
}

const minuteMs = 60_000
/** By how much sums of fractions may be wrong, as the time in which that much flows back. */
const grainMs = 1e-4

export function createBuckets(clock: Clock, keysMax: number): Buckets {
  const debts = new Map<string, Debt>()

  /** What the bucket lacks now, at most all that it holds under its present limit. */
  function debtOf({ keyId, perMinute }: Bucket, nowTicksMs: number): number {
    const debt = debts.get(keyId)
    if (debt === undefined) return 0
    const cameBack = ((nowTicksMs - debt.atTicksMs) * perMinute) / minuteMs
    return Math.max(0, Math.min(perMinute, debt.amount) - cameBack)
  }

  function owe({ keyId }: Bucket, amount: number, nowTicksMs: number): void {
    const debt = debts.get(keyId)
    if (debt !== undefined) {
      debt.amount = amount
      debt.atTicksMs = nowTicksMs
      return
    }
    if (debts.size >= keysMax) forgetOld(nowTicksMs)
    debts.set(keyId, { amount, atTicksMs: nowTicksMs })
  }

  /** In a minute every bucket fills up again. */
  function forgetOld(nowTicksMs: number): void {
    for (const [keyId, { atTicksMs }] of debts) {
      if (nowTicksMs - atTicksMs >= minuteMs) debts.delete(keyId)
    }
  }

  return {
    take(bucket, amount) {
      const nowTicksMs = clock.ticksMs()
      const before = debtOf(bucket, nowTicksMs)
      const isTaken = before + amount <= bucket.perMinute + grainOf(bucket)
      const after = isTaken ? before + amount : before
      if (isTaken) owe(bucket, after, nowTicksMs)
      return { isTaken, rate: stateOf(bucket, after, amount) }
    },
    giveBack(bucket, amount) {
      const nowTicksMs = clock.ticksMs()
      owe(bucket, Math.max(0, debtOf(bucket, nowTicksMs) - amount), nowTicksMs)
    },
    look: (bucket) => stateOf(bucket, debtOf(bucket, clock.ticksMs()), 1),
  }
}

function grainOf({ perMinute }: Bucket): number {
  return (perMinute * grainMs) / minuteMs
}

/** What a client is told of a bucket that lacks `debt` when it asks for `asked`. */
function stateOf(bucket: Bucket, debt: number, asked: number): RateState {
  const { perMinute } = bucket
  const left = Math.floor(perMinute - debt + grainOf(bucket))
  const timeOf = (amount: number) =>
    Math.max(0, Math.ceil((amount * minuteMs) / perMinute - grainMs / 10))
  return {
    limit: perMinute,
    remaining: Math.min(perMinute, Math.max(0, left)),
    resetMs: timeOf(debt),
    retryAfterMs: timeOf(debt + asked - perMinute),
  }
}
