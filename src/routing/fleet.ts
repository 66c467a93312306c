// One station for each deployment: its upstream and its gate. They stay as long as it is reached in
// the same way, whatever else is said of it anew: who runs there goes on running there, and must be
// counted. One that is reached in another way gets a new station; the old one closes when its last
// call has ended, as does one that is switched off. Switched on before that, it is the same again.
import type { Clock, Deployment, Upstream } from '#domain'
import { createGate, type Gate, type GateOptions } from './gate.ts'

export interface Station {
  deployment: Deployment
  upstream: Upstream
  gate: Gate
}

/** How many slots a deployment has may change while it is open. */
export type OpenUpstream = (deployment: Deployment, slots: () => number) => Upstream

export interface Fleet {
  station(deployment: Deployment): Station
  stations(): Station[]
  /** Of these ids alone: the others close when their last call has ended. */
  keepOnly(deploymentIds: ReadonlySet<string>): void
  /** Those too whose last call has not ended. */
  close(): Promise<void>
}

interface Site {
  station: Station
  readonly size: { slots: number }
}

export function createFleet(open: OpenUpstream, options: GateOptions, clock: Clock): Fleet {
  const sites = new Map<string, Site>()
  /** Gone from the registry, and not yet empty. */
  const retired = new Set<Site>()

  function openSite(deployment: Deployment): Site {
    const size = { slots: deployment.slots }
    const upstream = open(deployment, () => size.slots)
    return { station: { deployment, upstream, gate: createGate(upstream, options, clock) }, size }
  }

  function siteFor(deployment: Deployment): Site {
    const old = sites.get(deployment.id)
    if (old !== undefined && isSamePlace(old, deployment)) return redefined(old, deployment)
    const before = [...retired].find((site) => isSamePlace(site, deployment))
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
      // The registry's snapshot gives the same object until something changed.
      if (known?.station.deployment === deployment) return known.station
      const site = siteFor(deployment)
      sites.set(deployment.id, site)
      return site.station
    },
    stations: () => [...sites.values()].map(({ station }) => station),
    keepOnly(deploymentIds) {
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

function isSamePlace({ station }: Site, { id, kind, options }: Deployment): boolean {
  const known = station.deployment
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
