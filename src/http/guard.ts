// Closed by default: every request needs a key, unless its route says that it is public. The route
// object decides, never the text of the URL. Runs before a body is read, also for unknown routes.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type ApiKey, holdsScope, type Scope } from '#domain'
import { addAddressCounts } from './addresses.ts'
import { missingScope, noKey, tooManyFailures, wrongKey } from './faults.ts'
import type { HttpPorts } from './ports.ts'

/** Nobody is asked, any key will do, or a key with this scope. */
export type Access = 'public' | 'key' | Scope

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may use the route; a key, when it does not say. */
    access?: Access
    surface?: string
  }
  interface FastifyRequest {
    apiKey: ApiKey | null
  }
}

export async function addGuard(app: FastifyInstance, ports: HttpPorts): Promise<void> {
  await addAddressCounts(app, ports.clock)
  const countFailure = app.createRateLimit({
    max: ports.options.failuresPerMinute,
    timeWindow: 60_000,
  })
  app.decorateRequest('apiKey', null)
  // A promise only for those who fail: every call passes here.
  app.addHook('onRequest', (request, _reply, done) => {
    const access = request.routeOptions.config.access ?? 'key'
    if (access === 'public') return done()
    const token = bearer(request)
    const key = token === null ? null : ports.verify(token)
    if (key === null) {
      refuse(request, token).catch(done)
      return
    }
    request.apiKey = key
    if (access === 'key' || holdsScope(key, access)) done()
    else done(missingScope(access))
  })

  async function refuse(request: FastifyRequest, token: string | null): Promise<never> {
    const count = await countFailure(request)
    if (!count.isAllowed && count.isExceeded) throw tooManyFailures(count.ttl)
    throw token === null ? noKey() : wrongKey()
  }
}

function bearer(request: FastifyRequest): string | null {
  const { authorization } = request.headers
  if (authorization === undefined) return null
  // As nearly everybody writes it: no match to be made.
  if (authorization.startsWith('Bearer ') && authorization.indexOf(' ', 7) === -1) {
    return authorization.slice(7)
  }
  const match = /^bearer +(\S+)$/i.exec(authorization)
  return match?.[1] ?? null
}
