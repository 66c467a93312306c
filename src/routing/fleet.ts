// One station for each deployment. It stays as long as it is reached in the same way, whatever else
// is said of it anew: who runs there goes on running there, and must be counted. One that is
// reached in another way gets a new station; the old one closes when its last call has ended, as
// does one that is switched off. Switched on before that, it is the same again.
//
// A deployment that cannot be opened is broken until the registry says something else of it, and
// takes no other with it.
import type { Deployment, Upstream } from '#domain'
import { Station, type StationPorts } from './station.ts'

/** How a deployment is reached. What the registry says of it may change while it is open. */
export type OpenUpstream = (latest: () => Deployment) => Upstream

export interface FleetPorts extends StationPorts {
  open: OpenUpstream
  /** Called once for each definition of a deployment that cannot be opened. */
  onBroken(deployment: Deployment, cause: unknown): void
}

export class Fleet {
  readonly #ports: FleetPorts
  readonly #stations = new Map<string, Station>()
  readonly #broken = new Map<string, Deployment>()
  /** Gone from the registry, and not yet empty. */
  readonly #retired = new Set<Station>()

  constructor(ports: FleetPorts) {
    this.#ports = ports
  }

  stations(): Station[] {
    return [...this.#stations].flatMap(([id, station]) => (this.#broken.has(id) ? [] : [station]))
  }

  broken(): Iterable<Deployment> {
    return this.#broken.values()
  }

  /** null: it is broken. */
  station(deployment: Deployment): Station | null {
    const before = this.#broken.get(deployment.id)
    // The registry's snapshot gives the same object until something changed.
    if (before === deployment) return null
    const known = this.#stations.get(deployment.id)
    if (before === undefined && known?.deployment === deployment) return known
    try {
      const station = this.#stationFor(deployment)
      this.#stations.set(deployment.id, station)
      this.#broken.delete(deployment.id)
      return station
    } catch (cause) {
      this.#broken.set(deployment.id, deployment)
      if (before === undefined || !isSame(before, deployment)) {
        this.#ports.onBroken(deployment, cause)
      }
      return null
    }
  }

  /** Of these ids alone: the others close when their last call has ended. */
  keepOnly(deploymentIds: ReadonlySet<string>): void {
    for (const id of this.#broken.keys()) if (!deploymentIds.has(id)) this.#broken.delete(id)
    for (const [id, station] of this.#stations) {
      if (deploymentIds.has(id)) continue
      this.#stations.delete(id)
      void this.#retire(station)
    }
  }

  /** Those too whose last call has not ended. */
  async close(): Promise<void> {
    const all = [...this.#stations.values(), ...this.#retired]
    this.#retired.clear()
    await Promise.all(all.map(shut))
  }

  #stationFor(deployment: Deployment): Station {
    const old = this.#stations.get(deployment.id)
    if (old !== undefined && isSame(old.deployment, deployment)) return redefined(old, deployment)
    const before = [...this.#retired].find((one) => isSame(one.deployment, deployment))
    const station = before === undefined ? this.#open(deployment) : redefined(before, deployment)
    if (before !== undefined) this.#retired.delete(before)
    // Only now: if the new one cannot be opened, the old one is still there.
    if (old !== undefined) void this.#retire(old)
    return station
  }

  #open(deployment: Deployment): Station {
    let station: Station | null = null
    const upstream = this.#ports.open(() => station?.deployment ?? deployment)
    station = new Station(deployment, upstream, this.#ports)
    return station
  }

  /** Calls that run there still finish, unless it is the same place again by then. */
  async #retire(station: Station): Promise<void> {
    this.#retired.add(station)
    await station.whenEmpty()
    if (this.#retired.delete(station)) await shut(station)
  }
}

/** It is reached in the same way, whatever else is said of it anew. */
function isSame(known: Deployment, { id, kind, options }: Deployment): boolean {
  if (known.id !== id || known.kind !== kind) return false
  return JSON.stringify(known.options) === JSON.stringify(options)
}

function redefined(station: Station, deployment: Deployment): Station {
  station.deployment = deployment
  return station
}

async function shut(station: Station): Promise<void> {
  station.close()
  await station.upstream.close()
}
