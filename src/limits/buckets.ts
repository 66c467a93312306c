// What a key may use in a minute (requests, or tokens), as a bucket that refills evenly: no window
// to sit at the edge of, and the reset that a client is told is exact. What each key's bucket lacks
// is kept in requests or tokens, not in time: a limit that is changed holds from then on.
import type { Clock, RateState } from '#domain'

export interface Bucket {
  keyId: string
  /** What it holds, and what comes back to it in a minute. */
  perMinute: number
}

/** The buckets of all keys, for one kind of limit. */
export interface Buckets {
  /** Takes so much out of the bucket, if it is there. */
  take(bucket: Bucket, amount: number): { isTaken: boolean; rate: RateState }
  /** Puts back what was taken and not used. */
  giveBack(bucket: Bucket, amount: number): void
  /** The bucket as it is. */
  look(bucket: Bucket): RateState
}

interface Debt {
  amount: number
  atTicksMs: number
}

const minuteMs = 60_000
/** What sums of fractions may be off by, in the time that it takes to come back. */
const grainMs = 1e-4

export function createBuckets(clock: Clock, keysMax: number): Buckets {
  const debts = new Map<string, Debt>()

  /** What the bucket lacks now; where it held more before, it lacked no more than it holds. */
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

  /** Whatever a bucket lacked a minute ago has come back since. */
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

/** What a bucket says that lacks so much, to a call that asks for some. */
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
