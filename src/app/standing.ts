// How the gateway stands, for the operator's routes. Its rooms know all of it already.
import { readFileSync } from 'node:fs'
import type { DeploymentStanding, Standing } from '#http'
import type { Catalogue } from '#models'
import type { Routing } from '#routing'
import type { Rooms } from './relay-ports.ts'

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

export function watchStanding(rooms: Rooms): Standing {
  const { clock, catalogue, ledger, routing, attempts } = rooms
  const startedTicksMs = clock.ticksMs()
  return {
    version,
    uptimeSeconds: () => Math.floor((clock.ticksMs() - startedTicksMs) / 1000),
    ledger: ledger.state,
    attempts: attempts.counts,
    deployments: () => deploymentsOf(catalogue, routing),
    lines: routing.waiting,
  }
}

function deploymentsOf(catalogue: Catalogue, routing: Routing): DeploymentStanding[] {
  const loads = new Map(routing.load().map((load) => [load.deployment, load]))
  return catalogue.list().flatMap(({ id: model, deployments }) =>
    deployments.map((deployment) => {
      const load = loads.get(deployment.id)
      if (load !== undefined) return { ...load, model }
      const readiness = { state: deployment.isDisabled ? 'off' : 'unknown' } as const
      const idle = { places: null, running: 0, isPaused: false, circuit: 'closed' } as const
      return { deployment: deployment.id, model, readiness, ...idle }
    }),
  )
}
