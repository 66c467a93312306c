// Closed by default: every request needs a key, unless its route says that it is public. The route
// object decides, never the text of the URL. Runs before a body is read, also for unknown routes.
// On a model route the guard takes the request from its key's minute: a body that is refused for
// its key's rate must cost nothing, and whatever else is refused was a request all the same. On
// other routes it only looks: every answer tells a key with a limit of tokens how many are left.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type ApiKey, holdsScope, type Rates, type Scope } from '#domain'
import { rateHeaders } from '#relay'
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
    /** What the key has left; null where the answer does not tell. */
    rates: Rates | null
  }
}

export async function addGuard(app: FastifyInstance, ports: HttpPorts): Promise<void> {
  await addAddressCounts(app, ports.clock)
  const countFailure = app.createRateLimit({
    max: ports.options.failuresPerMinute,
    timeWindow: 60_000,
  })
  app.decorateRequest('apiKey', null)
  app.decorateRequest('rates', null)
  app.addHook('onRequest', (request, reply, done) => {
    const { access = 'key', surface } = request.routeOptions.config
    if (access === 'public') return done()
    const token = bearer(request)
    const key = token === null ? null : ports.verify(token)
    if (key === null) {
      refuse(request, token).catch(done)
      return
    }
    request.apiKey = key
    const isOpen = access === 'key' || holdsScope(key, access)
    const fault = isOpen ? undefined : missingScope(access)
    const rates = surface === undefined ? tokenRates(key) : ports.takeRequest(key)
    rates.then((left) => {
      request.rates = left
      // A call's own answer tells them later, when its tokens are reserved as well.
      if (surface === undefined && left !== null) reply.headers(rateHeaders(left))
      done(fault)
    }, done)
  })

  /** Looking takes nothing. null: the key has no limit of tokens, and this route counts nothing. */
  async function tokenRates(key: ApiKey): Promise<Rates | null> {
    const { rates } = await ports.keyState(key)
    return rates.tokens === null ? null : rates
  }

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
