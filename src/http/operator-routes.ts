// `/health/detailed` and `/resilience/stats`, for an operator who looks for what is wrong: every
// deployment with its places, and how the attempts ended. All of it is known already: looking asks
// no upstream and wakes no worker.
import type { FastifyInstance } from 'fastify'
import type { Readiness } from '#domain'
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
