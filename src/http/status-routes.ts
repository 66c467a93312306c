// Whether this gateway lives, whether it takes calls, and its metrics. No route here asks an
// upstream anything: a cold deployment is a healthy one.
import type { FastifyInstance } from 'fastify'
import type { Drain } from './drain.ts'
import type { HttpPorts } from './ports.ts'

export function addStatusRoutes(app: FastifyInstance, ports: HttpPorts, drain: Drain): void {
  const open = { config: { access: 'public' as const } }
  app.get('/health', open, async () => ({ status: 'ok' }))
  app.get('/healthz', open, async () => ({ status: 'ok' }))
  app.get('/readyz', open, async (_request, reply) => {
    const reason = drain.isDraining() ? 'draining' : ports.notReady()
    if (reason === null) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready', reason })
  })
  app.get('/metrics', { config: { access: 'admin-read' } }, async (_request, reply) => {
    const text = await ports.metrics.render()
    return reply.type(ports.metrics.contentType).send(text)
  })
}
