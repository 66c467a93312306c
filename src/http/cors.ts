// Lets browsers call this gateway from pages of other origins: none, unless they are configured.
// Browsers send a preflight without a key, so it needs none here; its answer says nothing but that
// the origin is welcome. Only the routes of clients are open in this way.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '#domain'
import { noKey } from './faults.ts'
import { forgetBody } from './refusals.ts'
import { pathOf } from './request-head.ts'

const clientRoutes = '/v1/'

/** `*` stands for every header but this one. */
const allowedHeaders = 'authorization, *'

const exposedHeaders = [
  'x-request-id',
  'x-should-retry',
  'retry-after',
  'retry-after-ms',
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-tokens',
  'x-podgate-model',
  'x-podgate-deployment',
  'x-podgate-transport',
  'x-podgate-queue-ms',
  'x-podgate-cold-start',
  'x-podgate-overhead-ms',
  'x-podgate-eta-ms',
].join(', ')

export interface Cors {
  /** Sets the headers by which a page may read the answer, whatever that will be. */
  greet(request: IncomingMessage, response: ServerResponse): void
  /** Comes before every hook that may refuse: a page must be able to read why. */
  greetAll(app: FastifyInstance): void
  answerPreflights(app: FastifyInstance, clock: Clock): void
}

export function createCors(origins: readonly string[]): Cors {
  const isOff = origins.length === 0
  const isOpen = origins.includes('*')
  const allowed = new Set(origins)

  function welcome({ headers: { origin } }: IncomingMessage): string | null {
    if (origin === undefined) return null
    if (isOpen) return '*'
    return allowed.has(origin) ? origin : null
  }

  /** On the raw response: `HttpClientEnd` writes its head past the framework. */
  function greet(request: IncomingMessage, response: ServerResponse): void {
    if (isOff || !pathOf(request.url ?? '').startsWith(clientRoutes)) return
    response.setHeader('vary', 'origin')
    const origin = welcome(request)
    if (origin === null) return
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('access-control-expose-headers', exposedHeaders)
  }

  return {
    greet,
    greetAll(app) {
      if (isOff) return
      app.addHook('onRequest', (request, reply, done) => {
        greet(request.raw, reply.raw)
        done()
      })
    },
    answerPreflights(app, clock) {
      if (isOff) return
      // Without `hasBody`: what a client sends without a key is not read.
      app.addHttpMethod('OPTIONS', { overrideExisting: true })
      const open = { config: { access: 'public' as const } }
      app.options(`${clientRoutes}*`, open, async (request, reply) => {
        if (welcome(request.raw) === null) throw noKey()
        forgetBody(request.raw, clock)
        return reply
          .code(204)
          .header('access-control-allow-methods', 'GET, HEAD, POST')
          .header('access-control-allow-headers', allowedHeaders)
          .header('access-control-max-age', '600')
          .send()
      })
    },
  }
}
