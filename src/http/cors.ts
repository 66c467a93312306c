// Browser clients of other origins: none, unless they are configured. Their preflight asks without
// a key, because browsers send none with it; it is answered from here and tells nothing but that
// the origin is welcome. Only the routes of clients: nothing else is for a foreign page.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { noKey } from './faults.ts'

const clientRoutes = '/v1/'

/** `*` stands for every name but this one. */
const allowedHeaders = 'authorization, *'

const exposedHeaders = [
  'x-request-id',
  'x-should-retry',
  'retry-after',
  'retry-after-ms',
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
  'x-podgate-model',
  'x-podgate-deployment',
  'x-podgate-transport',
  'x-podgate-queue-ms',
  'x-podgate-cold-start',
  'x-podgate-overhead-ms',
  'x-podgate-eta-ms',
].join(', ')

/** Before the guard: a page must be able to read why it was refused. */
export function addCors(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  const isOpen = origins.includes('*')
  const allowed = new Set(origins)
  const welcome = ({ headers: { origin } }: FastifyRequest): string | null => {
    if (origin === undefined) return null
    if (isOpen) return '*'
    return allowed.has(origin) ? origin : null
  }
  app.addHook('onRequest', (request, { raw }, done) => {
    // On the raw answer: a call's own end writes its head past the framework.
    if (request.raw.url?.startsWith(clientRoutes) === true) {
      raw.setHeader('vary', 'origin')
      const origin = welcome(request)
      if (origin !== null) {
        raw.setHeader('access-control-allow-origin', origin)
        raw.setHeader('access-control-expose-headers', exposedHeaders)
      }
    }
    done()
  })
  const open = { config: { access: 'public' as const } }
  app.options(`${clientRoutes}*`, open, async (request, reply) => {
    if (welcome(request) === null) throw noKey()
    return reply
      .code(204)
      .header('access-control-allow-methods', 'GET, HEAD, POST')
      .header('access-control-allow-headers', allowedHeaders)
      .header('access-control-max-age', '600')
      .send()
  })
}
