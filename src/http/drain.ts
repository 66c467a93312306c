// Stopping without cutting anybody off: refuse new calls, let the running ones finish until the
// limit, end the rest in the open, and leave no socket behind. It listens until the last call is
// over: a load balancer that asks `/readyz` must hear why, and a new call is told to go elsewhere,
// where a closed port would only look like a crash.
import type { Server } from 'node:http'
import type { Clock, Timer } from '#domain'
import { draining } from './faults.ts'
import { createLiveCalls, type LiveCalls } from './live-calls.ts'

/** Connections become idle when their last call ends, and would then be kept for the next. */
const closeIdleEveryMs = 100
/** How long calls may take to say their last words, ledger row included. */
const lastWordsMs = 1_000

export interface Drain {
  calls: LiveCalls
  isDraining(): boolean
  run(server: Server, drainMs: number): Promise<void>
}

export function createDrain(clock: Clock): Drain {
  const calls = createLiveCalls()
  let isDraining = false

  function within(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = clock.after(ms, resolve)
    return Promise.race([promise, calls.whenNone()]).finally(() => timer.cancel())
  }

  return {
    calls,
    isDraining: () => isDraining,
    async run(server, drainMs) {
      isDraining = true
      using _closing = closeIdle(server, clock)
      await within(drainMs)
      calls.abandonAll(draining())
      await within(lastWordsMs)
      server.close()
      server.closeAllConnections()
    },
  }
}

function closeIdle(server: Server, clock: Clock): Disposable {
  let timer: Timer
  const close = () => {
    server.closeIdleConnections()
    timer = clock.after(closeIdleEveryMs, close)
  }
  timer = clock.after(closeIdleEveryMs, close)
  return { [Symbol.dispose]: () => timer.cancel() }
}
