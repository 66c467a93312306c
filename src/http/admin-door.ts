// `/admin/*`: the same changes as the commands make, by the same functions. A door of its own
// behind the guard: whoever only reads may only GET, bodies are small and JSON, and each address is
// counted, so that a leaked key cannot be used to try things out quickly.
import type { FastifyInstance } from 'fastify'
import { addAdminAudit } from './admin-audit.ts'
import { addAdminKeys } from './admin-keys.ts'
import { addAdminModels } from './admin-models.ts'
import { holdScope } from './admin-request.ts'
import { tooManyAdminRequests } from './faults.ts'
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
      // By method and not by route: a route that is added cannot forget it. Only who may ask is
      // counted: a chat key must not use up what the operator has at the same address.
      admin.addHook('onRequest', async (request) => {
        holdScope(request, reading.has(request.method) ? 'admin-read' : 'admin')
        const counted = await count(request)
        if (!counted.isAllowed && counted.isExceeded) throw tooManyAdminRequests(counted.ttl)
      })
      admin.addHook('onSend', async (_request, reply) => {
        // A secret that was just made must not stay in a cache on the way.
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
