// One station for each deployment: its upstream and its gate. A deployment that is defined anew
// gets a new station; the old one closes when its last call has ended.
import type { Clock, Deployment, Upstream } from '#domain'
import { createGate, type Gate, type GateOptions } from './gate.ts'

export interface Station {
  deployment: Deployment
  upstream: Upstream
  gate: Gate
}

export interface Fleet {
  station(deployment: Deployment): Station
  stations(): Iterable<Station>
  /** Of these ids alone: the others close when their last call has ended. */
  keepOnly(deploymentIds: ReadonlySet<string>): void
  close(): Promise<void>
}

export function createFleet(
  open: (deployment: Deployment) => Upstream,
  options: GateOptions,
  clock: Clock,
): Fleet {
  const stations = new Map<string, Station>()

  function replace(deployment: Deployment): Station {
    const old = stations.get(deployment.id)
    if (old !== undefined && isSame(old.deployment, deployment)) {
      const kept = { ...old, deployment }
      stations.set(deployment.id, kept)
      return kept
    }
    if (old !== undefined) void retire(old)
    const upstream = open(deployment)
    const station = { deployment, upstream, gate: createGate(upstream, options, clock) }
    stations.set(deployment.id, station)
    return station
  }

  return {
    station(deployment) {
      const known = stations.get(deployment.id)
      // The registry's snapshot gives the same object until something changed.
      return known?.deployment === deployment ? known : replace(deployment)
    },
    stations: () => stations.values(),
    keepOnly(deploymentIds) {
      for (const [id, station] of stations) {
        if (deploymentIds.has(id)) continue
        stations.delete(id)
        void retire(station)
      }
    },
    async close() {
      await Promise.all([...stations.values()].map(({ upstream }) => upstream.close()))
    },
  }
}

function isSame(one: Deployment, other: Deployment): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Calls that run or wait there still finish. */
async function retire({ gate, upstream }: Station): Promise<void> {
  await gate.whenEmpty()
  await upstream.close()
}
