// What an operator looks at when something is wrong: every deployment with its places, and how the
// tries at them ended. All of it is known here already: looking asks no upstream and wakes nothing.
import type { FastifyInstance } from 'fastify'
import type { HttpPorts } from './ports.ts'

export function addOperatorRoutes(app: FastifyInstance, ports: HttpPorts): void {
  const forOperators = { config: { access: 'admin-read' as const } }
  const { standing } = ports
  app.get('/health/detailed', forOperators, async () => {
    const reason = ports.notReady()
    return {
      status: reason === null ? 'ok' : 'failing',
      reason,
      version: standing.version,
      uptime_seconds: standing.uptimeSeconds(),
      ledger: standing.ledger(),
      deployments: standing.deployments().map((one) => ({
        deployment: one.deployment,
        model: one.model,
        readiness: one.readiness,
        places: one.places,
        running: one.running,
        waiting: one.waiting,
      })),
    }
  })
  app.get('/resilience/stats', forOperators, async () => {
    const { retries, wastedSeconds, byFault, ...attempts } = standing.attempts()
    return {
      since_seconds: standing.uptimeSeconds(),
      attempts,
      retries,
      wasted_seconds: wastedSeconds,
      faults: byFault,
      gates: standing.deployments().map((one) => ({
        deployment: one.deployment,
        places: one.places,
        running: one.running,
        waiting: one.waiting,
        is_paused: one.isPaused,
      })),
    }
  })
}
