// Stops without cutting anybody off: refuses new calls, lets the running ones finish until the
// limit, ends the rest with a fault, and closes every socket. The gateway listens until the last
// call is over: a load balancer that asks `/readyz` hears why, and a new call hears that it should
// go elsewhere; a closed port would only look like a crash. Idle connections stay until then, too:
// node takes a connection for idle when its answer is written but not yet read, and would cut it.
import type { Server } from 'node:http'
import type { Clock } from '#domain'
import type { BodyBytes } from './body-bytes.ts'
import { draining } from './faults.ts'
import { createLiveCalls, type LiveCalls } from './live-calls.ts'

/** How long the ended calls may take for their last bytes and their ledger rows. */
const lastWordsMs = 1_000

/** How long to wait for bodies that are still arriving: their clients then hear where to go. */
const lastBodiesMs = 2_000

export interface Drain {
  calls: LiveCalls
  isDraining(): boolean
  run(server: Server, drainMs: number): Promise<void>
}

export function createDrain(clock: Clock, bodies: Pick<BodyBytes, 'whenNone'>): Drain {
  const calls = createLiveCalls()
  let isDraining = false

  function within(ms: number, over: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = clock.after(ms, resolve)
    return Promise.race([promise, over]).finally(() => timer.cancel())
  }

  return {
    calls,
    isDraining: () => isDraining,
    async run(server, drainMs) {
      isDraining = true
      const bodiesOver = within(Math.min(drainMs, lastBodiesMs), bodies.whenNone())
      await Promise.all([within(drainMs, calls.whenNone()), bodiesOver])
      calls.abandonAll(draining())
      await within(lastWordsMs, calls.whenNone())
      server.close()
      server.closeAllConnections()
    },
  }
}
