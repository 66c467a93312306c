// Who is at the other end, as far as an address tells, and how often it has tried something in the
// last minute: one way to tell addresses apart and one clock, for every door that counts them.
import { isIP } from 'node:net'
import rateLimit, {
  type FastifyRateLimitStore,
  type FastifyRateLimitStoreCtor,
  normalizeIP,
} from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '#domain'

type Ticks = Pick<Clock, 'ticksMs'>
type CountedBack = Parameters<FastifyRateLimitStore['incr']>[1]

interface Window {
  count: number
  startTicksMs: number
}

/** Addresses that are remembered; whoever has more of them makes the oldest forgotten. */
const addressesMax = 10_000

/** `createRateLimit` of what is registered in `app` counts by these addresses and this clock. */
export async function addAddressCounts(app: FastifyInstance, clock: Ticks): Promise<void> {
  const store = countsOn(clock, addressesMax)
  await app.register(rateLimit, { global: false, keyGenerator: keyOf, store })
}

/** null: the connection is gone, or a proxy wrote something else in its place. */
export function addressOf({ ip }: Pick<FastifyRequest, 'ip'>): string | null {
  // A reset connection has no address any more, whatever the type says.
  const given = `${ip ?? ''}`
  // With its port, as some proxies write it, each try would be another address.
  const bare = /^\[([^\]]*)\](?::\d+)?$|^([\d.]+):\d+$/.exec(given)
  const address = bare?.[1] ?? bare?.[2] ?? given
  return isIP(address) === 0 ? null : address
}

/** A /64 of IPv6 is one; all whose address nobody knows are one as well. */
function keyOf(request: FastifyRequest): string {
  const address = addressOf(request)
  return address === null ? 'unknown' : normalizeIP(address)
}

/**
 * The package's own store asks the wall clock: when that is put back by a day, whoever was blocked
 * stays so for a day.
 */
export function countsOn(clock: Ticks, countsMax: number): FastifyRateLimitStoreCtor {
  return class Counts implements FastifyRateLimitStore {
    /** The one that was seen longest ago comes first. */
    readonly #windows = new Map<string, Window>()

    incr(address: string, tell: CountedBack, windowMs: number): void {
      const nowTicksMs = clock.ticksMs()
      let window = this.#windows.get(address)
      if (window === undefined || window.startTicksMs + windowMs <= nowTicksMs) {
        window = { count: 0, startTicksMs: nowTicksMs }
      }
      window.count += 1
      this.#windows.delete(address)
      this.#windows.set(address, window)
      const [oldest] = this.#windows.keys()
      if (this.#windows.size > countsMax && oldest !== undefined) this.#windows.delete(oldest)
      const leftMs = Math.ceil(window.startTicksMs + windowMs - nowTicksMs)
      tell(null, { current: window.count, ttl: leftMs })
    }

    /** Each door counts for itself. */
    child(): FastifyRateLimitStore {
      return new Counts()
    }
  }
}
