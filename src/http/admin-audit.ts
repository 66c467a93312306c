// `GET /admin/audit`: who changed what, newest first, in pages.
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { listAudit } from '#storage'
import { queryOf } from './admin-request.ts'
import type { HttpPorts } from './ports.ts'

const auditQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** Only entries older than the one with this id. */
  before: z.coerce.number().int().min(1).nullable().default(null),
})

export function addAdminAudit(admin: FastifyInstance, { admin: { registry } }: HttpPorts): void {
  admin.get('/audit', async (request) => {
    const { limit, before } = queryOf(request, auditQuery)
    return { object: 'list', data: await listAudit(registry, { limit, beforeId: before }) }
  })
}
