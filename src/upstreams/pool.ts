// The connections to one origin. vLLM closes idle ones after 5 s, so we give ours up after 4: when
// a server closes a connection just as we send a request, we cannot tell whether it was worked on.
import { createRequire } from 'node:module'
import type { Pool } from 'undici'
import type { UpstreamOptions } from './options.ts'

/**
 * Only this file of undici is loaded: its front door loads 100 more (fetch, WebSocket, caches),
 * 9 MB of memory that nobody here uses. The file exports the class that `undici` calls `Pool`.
 */
const PoolOfUndici = createRequire(import.meta.url)('undici/lib/dispatcher/pool.js') as typeof Pool

const keepAliveMs = 4_000
/** How far undici's own timers stand above ours. */
const backstopMs = 10_000

/**
 * The pool has no limit of its own: routing's permits bound how many calls run. It is destroyed,
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
