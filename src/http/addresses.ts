// The address of a client, and how often each address tried something in the last minute. All that
// is counted by address (failed keys, admin requests) is counted here, on the gateway's clock.
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

/** Addresses that are remembered: with one more, the one seen longest ago is forgotten. */
const addressesMax = 10_000

/** From here on, `app.createRateLimit` counts by these addresses and this clock. */
export async function addAddressCounts(app: FastifyInstance, clock: Ticks): Promise<void> {
  const store = countsOn(clock, addressesMax)
  await app.register(rateLimit, { global: false, keyGenerator: keyOf, store })
}

/** null: the connection is gone, or what a proxy wrote is no address. */
export function addressOf({ ip }: Pick<FastifyRequest, 'ip'>): string | null {
  // A reset connection has no address any more, whatever the type says.
  const given = `${ip ?? ''}`
  // Some proxies add the client's port, and then each try would count as another address.
  const bare = /^\[([^\]]*)\](?::\d+)?$|^([\d.]+):\d+$/.exec(given)
  const address = bare?.[1] ?? bare?.[2] ?? given
  return isIP(address) === 0 ? null : address
}

/** A /64 network of IPv6 counts as one address; all clients without an address count as one. */
function keyOf(request: FastifyRequest): string {
  const address = addressOf(request)
  return address === null ? 'unknown' : normalizeIP(address)
}

/**
 * Replaces the package's own store, which asks the wall clock: when that is put back by a day, a
 * blocked address stays blocked for a day.
 */
export function countsOn(clock: Ticks, countsMax: number): FastifyRateLimitStoreCtor {
  return class Counts implements FastifyRateLimitStore {
    /** The address that was seen longest ago comes first. */
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
