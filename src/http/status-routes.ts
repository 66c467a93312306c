// Whether this gateway lives and takes calls, and its metrics. For an operator who looks for what
// is wrong: every deployment with its places, and how attempts ended. No route here asks an
// upstream anything or wakes a worker: a cold deployment is a healthy one.
import type { FastifyInstance } from 'fastify'
import type { Readiness } from '#domain'
import type { Drain } from './drain.ts'
import type { HttpPorts } from './ports.ts'

const forOperators = { config: { access: 'admin-read' as const } }

export function addStatusRoutes(app: FastifyInstance, ports: HttpPorts, drain: Drain): void {
  const open = { config: { access: 'public' as const } }
  app.get('/health', open, async () => ({ status: 'ok' }))
  app.get('/healthz', open, async () => ({ status: 'ok' }))
  app.get('/readyz', open, async (_request, reply) => {
    const reason = drain.isDraining() ? 'draining' : ports.notReady()
    if (reason === null) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready', reason })
  })
  app.get('/metrics', forOperators, async (_request, reply) => {
    const text = await ports.metrics.render()
    return reply.type(ports.metrics.contentType).send(text)
  })
}

/** `/health/detailed` and `/resilience/stats`. */
export function addOperatorRoutes(app: FastifyInstance, { standing, notReady }: HttpPorts): void {
  app.get('/health/detailed', forOperators, async () => {
    const reason = notReady()
    return {
      status: reason === null ? 'ok' : 'failing',
      reason,
      version: standing.version,
      uptime_seconds: standing.uptimeSeconds(),
      ledger: standing.ledger(),
      deployments: standing.deployments().map((one) => ({
        deployment: one.deployment,
        model: one.model,
        readiness: readinessOf(one.readiness),
        places: one.places,
        running: one.running,
        circuit: one.circuit,
      })),
      lines: standing.lines(),
    }
  })
  app.get('/resilience/stats', forOperators, async () => {
    const { retries, wastedSeconds, byFault, ...attempts } = standing.attempts()
    return {
      since_seconds: standing.uptimeSeconds(),
      attempts,
      retries,
      wasted_seconds: Math.round(wastedSeconds * 1000) / 1000,
      faults: byFault,
      gates: standing.deployments().map((one) => ({
        deployment: one.deployment,
        places: one.places,
        running: one.running,
        circuit: one.circuit,
        is_paused: one.isPaused,
      })),
    }
  })
}

function readinessOf(readiness: Readiness): Record<string, unknown> {
  if (!('etaMs' in readiness)) return { ...readiness }
  const { etaMs, ...rest } = readiness
  return { ...rest, eta_ms: etaMs }
}
