// One station for each deployment: its upstream and its gate. They stay as long as it is reached in
// the same way, whatever else is said of it anew: who runs there goes on running there, and must be
// counted. One that is reached in another way gets a new station; the old one closes when its last
// call has ended, as does one that is switched off. Switched on before that, it is the same again.
//
// A deployment that cannot be opened is broken until the registry says something else of it, and
// takes no other with it.
import type { Clock, Deployment, Upstream } from '#domain'
import { createGate, type Gate, type GateOptions } from './gate.ts'

export interface Station {
  deployment: Deployment
  upstream: Upstream
  gate: Gate
}

/** How many slots a deployment has may change while it is open. */
export type OpenUpstream = (deployment: Deployment, slots: () => number) => Upstream

/** Called once for each definition of a deployment that cannot be opened. */
export type OnBroken = (deployment: Deployment, cause: unknown) => void

export interface Fleet {
  /** null: it is broken. */
  station(deployment: Deployment): Station | null
  stations(): Station[]
  broken(): Iterable<Deployment>
  /** Of these ids alone: the others close when their last call has ended. */
  keepOnly(deploymentIds: ReadonlySet<string>): void
  /** Those too whose last call has not ended. */
  close(): Promise<void>
}

interface Site {
  station: Station
  readonly size: { slots: number }
}

export interface FleetPorts {
  clock: Clock
  open: OpenUpstream
  onBroken: OnBroken
}

export function createFleet({ clock, open, onBroken }: FleetPorts, options: GateOptions): Fleet {
  const sites = new Map<string, Site>()
  const broken = new Map<string, Deployment>()
  /** Gone from the registry, and not yet empty. */
  const retired = new Set<Site>()

  function openSite(deployment: Deployment): Site {
    const size = { slots: deployment.slots }
    const upstream = open(deployment, () => size.slots)
    return { station: { deployment, upstream, gate: createGate(upstream, options, clock) }, size }
  }

  function siteFor(deployment: Deployment): Site {
    const old = sites.get(deployment.id)
    if (old !== undefined && isSame(old.station.deployment, deployment)) {
      return redefined(old, deployment)
    }
    const before = [...retired].find((site) => isSame(site.station.deployment, deployment))
    const site = before === undefined ? openSite(deployment) : redefined(before, deployment)
    if (before !== undefined) retired.delete(before)
    // Only now: if the new one cannot be opened, the old one is still there.
    if (old !== undefined) void retire(old)
    return site
  }

  /** Calls that run or wait there still finish, unless it is the same place again by then. */
  async function retire(site: Site): Promise<void> {
    retired.add(site)
    await site.station.gate.whenEmpty()
    if (retired.delete(site)) await shut(site)
  }

  return {
    station(deployment) {
      const known = sites.get(deployment.id)
      const before = broken.get(deployment.id)
      // The registry's snapshot gives the same object until something changed.
      if (before === deployment) return null
      if (before === undefined && known?.station.deployment === deployment) return known.station
      try {
        const site = siteFor(deployment)
        sites.set(deployment.id, site)
        broken.delete(deployment.id)
        return site.station
      } catch (cause) {
        broken.set(deployment.id, deployment)
        if (before === undefined || !isSame(before, deployment)) onBroken(deployment, cause)
        return null
      }
    },
    stations: () => [...sites].flatMap(([id, { station }]) => (broken.has(id) ? [] : [station])),
    broken: () => broken.values(),
    keepOnly(deploymentIds) {
      for (const id of broken.keys()) if (!deploymentIds.has(id)) broken.delete(id)
      for (const [id, site] of sites) {
        if (deploymentIds.has(id)) continue
        sites.delete(id)
        void retire(site)
      }
    },
    async close() {
      const all = [...sites.values(), ...retired]
      retired.clear()
      await Promise.all(all.map(shut))
    },
  }
}

/** It is reached in the same way, whatever else is said of it anew. */
function isSame(known: Deployment, { id, kind, options }: Deployment): boolean {
  if (known.id !== id || known.kind !== kind) return false
  return JSON.stringify(known.options) === JSON.stringify(options)
}

function redefined({ station, size }: Site, deployment: Deployment): Site {
  size.slots = deployment.slots
  station.gate.look()
  return { station: { ...station, deployment }, size }
}

async function shut({ station: { gate, upstream } }: Site): Promise<void> {
  gate.close()
  await upstream.close()
}
