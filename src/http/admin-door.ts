// `/admin/*`: the same changes as the commands make, by the same functions. The guard has checked
// the key; this door adds its own rules. A key that may only read may only GET, bodies are small
// JSON, and the requests of each address are counted, so that nobody can try things out quickly
// with a leaked key.
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { holdsScope } from '#domain'
import { listAudit } from '#storage'
import { addAdminKeys } from './admin-keys.ts'
import { addAdminModels } from './admin-models.ts'
import { queryOf } from './admin-request.ts'
import { missingScope, tooManyAdminRequests } from './faults.ts'
import { keyBehind } from './guard.ts'
import type { HttpPorts } from './ports.ts'

const bodyBytesMax = 524_288
const reading = new Set(['GET', 'HEAD'])

export async function addAdmin(app: FastifyInstance, ports: HttpPorts): Promise<void> {
  await app.register(
    async (admin) => {
      const count = admin.createRateLimit({
        max: ports.options.adminPerMinute,
        timeWindow: 60_000,
      })
      // The scope follows from the method and not from the route, so a new route cannot forget it.
      // Only requests that pass are counted: a client with a chat key must not use up the minute of
      // an operator at the same address.
      admin.addHook('onRequest', async (request) => {
        const scope = reading.has(request.method) ? 'admin-read' : 'admin'
        if (!holdsScope(keyBehind(request), scope)) throw missingScope(scope)
        const counted = await count(request)
        if (!counted.isAllowed && counted.isExceeded) throw tooManyAdminRequests(counted.ttl)
      })
      admin.addHook('onSend', async (_request, reply) => {
        // The answer may hold a new secret, which must not stay in a cache on the way.
        reply.header('cache-control', 'no-store')
      })
      admin.addHook('onRoute', (route) => {
        route.bodyLimit = bodyBytesMax
      })
      addAdminKeys(admin, ports)
      addAdminModels(admin, ports)
      addAdminAudit(admin, ports)
    },
    { prefix: '/admin' },
  )
}

const auditQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** Only entries older than the one with this id. */
  before: z.coerce.number().int().min(1).nullable().default(null),
})

/** `GET /admin/audit`: who changed what, newest first, in pages. */
function addAdminAudit(admin: FastifyInstance, { admin: { registry } }: HttpPorts): void {
  admin.get('/audit', async (request) => {
    const { limit, before } = queryOf(request, auditQuery)
    return { object: 'list', data: await listAudit(registry, { limit, beforeId: before }) }
  })
}
