// One station for each deployment. The station stays as long as the deployment is reached in the
// same way, because the calls that run there must stay counted. When the way changes, a new station
// opens; the old one closes once its last call has ended. So does the station of a deployment that
// is switched off; if it is switched on again before that, it keeps its station.
//
// A deployment that cannot be opened is broken until its definition changes. The others go on.
import type { Deployment, Upstream } from '#domain'
import { Station, type StationPorts } from './station.ts'

/** Opens a deployment. `latest` gives its definition, which may change while it is open. */
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

  /** The stations of other deployments close when their last call has ended. */
  keepOnly(deploymentIds: ReadonlySet<string>): void {
    for (const id of this.#broken.keys()) if (!deploymentIds.has(id)) this.#broken.delete(id)
    for (const [id, station] of this.#stations) {
      if (deploymentIds.has(id)) continue
      this.#stations.delete(id)
      void this.#retire(station)
    }
  }

  /** Closes all stations, also those whose last call has not ended. */
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
    // Only now: if the new station cannot be opened, the old one stays.
    if (old !== undefined) void this.#retire(old)
    return station
  }

  #open(deployment: Deployment): Station {
    let station: Station | null = null
    const upstream = this.#ports.open(() => station?.deployment ?? deployment)
    station = new Station(deployment, upstream, this.#ports)
    return station
  }

  /** Its calls still finish. If the deployment comes back before that, the station stays open. */
  async #retire(station: Station): Promise<void> {
    this.#retired.add(station)
    await station.whenEmpty()
    if (this.#retired.delete(station)) await shut(station)
  }
}

/** Both are reached in the same way; other fields may differ. */
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
