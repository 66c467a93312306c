// Every request needs a key, unless its route says that it is public. The route object decides,
// never the text of the URL. The guard runs before a body is read, also for unknown routes.
// On the route of a surface it counts the request against its key's minute. A request over that
// limit costs no reading of its body, and a request that is refused later counts all the same. On
// other routes it only looks, so that every answer tells a key with a token limit what is left.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type ApiKey, holdsScope, type Rates, type Scope } from '#domain'
import { rateHeaders } from '#relay'
import { addAddressCounts } from './addresses.ts'
import { missingScope, noKey, tooManyFailures, wrongKey } from './faults.ts'
import type { HttpPorts } from './ports.ts'

/** No key is needed, any key will do, or the key needs this scope. */
type Access = 'public' | 'key' | Scope

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may use the route; `key`, when it does not say. */
    access?: Access
    surface?: string
  }
  interface FastifyRequest {
    apiKey: ApiKey | null
    /** What the key has left; null: the answer does not tell. */
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
      // The answer to a call tells them later, when its tokens are reserved as well.
      if (surface === undefined && left !== null) reply.headers(rateHeaders(left))
      done(fault)
    }, done)
  })

  /** Counts nothing. null: the key has no limit of tokens. */
  async function tokenRates(key: ApiKey): Promise<Rates | null> {
    const { rates } = await ports.keyOverview(key)
    return rates.tokens === null ? null : rates
  }

  async function refuse(request: FastifyRequest, token: string | null): Promise<never> {
    const count = await countFailure(request)
    if (!count.isAllowed && count.isExceeded) throw tooManyFailures(count.ttl)
    throw token === null ? noKey() : wrongKey()
  }
}

/** A route that forgot its guard must not serve anybody. */
export function keyBehind({ apiKey }: FastifyRequest): ApiKey {
  if (apiKey === null) throw noKey()
  return apiKey
}

function bearer(request: FastifyRequest): string | null {
  const { authorization } = request.headers
  if (authorization === undefined) return null
  // Nearly all clients write it like this, and need no regular expression.
  if (authorization.startsWith('Bearer ') && authorization.indexOf(' ', 7) === -1) {
    return authorization.slice(7)
  }
  const match = /^bearer +(\S+)$/i.exec(authorization)
  return match?.[1] ?? null
}
