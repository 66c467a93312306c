// Stopping without cutting anybody off: refuse new calls, let the running ones finish until the
// limit, end the rest in the open, and leave no socket behind. It listens until the last call is
// over: a load balancer that asks `/readyz` must hear why, and a new call is told to go elsewhere,
// where a closed port would only look like a crash. Idle connections stay until then, too: node
// takes one for idle whose answer has been written but not yet read, and would cut it.
import type { Server } from 'node:http'
import type { Clock } from '#domain'
import type { BodyBytes } from './body-bytes.ts'
import { draining } from './faults.ts'
import { createLiveCalls, type LiveCalls } from './live-calls.ts'

/** How long calls may take to say their last words, ledger row included. */
const lastWordsMs = 1_000

/** How long a request whose body is still arriving may take to hear where to go. */
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
