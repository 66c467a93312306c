// The connections to one origin. vLLM closes idle ones after 5 s, so ours are given up after 4: a
// request on a connection that is being closed cannot be told from one that was worked on.
import { createRequire } from 'node:module'
import type { Pool } from 'undici'
import type { UpstreamOptions } from './options.ts'

/**
 * Only this file of it: its front door loads 100 more (fetch, WebSocket, caches), 9 MB of memory
 * that nobody here uses. What it exports is the class of that name.
 */
const PoolOfUndici = createRequire(import.meta.url)('undici/lib/dispatcher/pool.js') as typeof Pool

const keepAliveMs = 4_000
/** How far undici's own timers stand above ours. */
const backstopMs = 10_000

/**
 * Unlimited in itself: routing's permits bound how many calls are on their way. It is destroyed,
 * not closed: closing would wait for connections that are being opened for calls long given up.
 */
export function openPool(origin: string, options: UpstreamOptions): Pool {
  const backstop = options.firstByteMs + options.betweenChunksMs + backstopMs
  return new PoolOfUndici(origin, {
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    connect: { timeout: options.connectMs + backstopMs },
    // The same for both, or undici would make a new timer for each half of an answer.
    headersTimeout: backstop,
    bodyTimeout: backstop,
  })
}
