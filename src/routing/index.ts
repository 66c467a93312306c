// Where a call goes, when and how often. Today a model's first deployment that speaks the surface;
// the places there, the line before them, and the one repeat are all in this room.
import { type Answer, type Call, type Deployment, Fault, type Readiness } from '#domain'
import { type Ask, firstAnswer } from './first-answer.ts'
import { createFleet, type FleetPorts, type Station } from './fleet.ts'
import type { RoutingOptions } from './options.ts'
import type { WaitingPlace } from './places.ts'

export type { AttemptLine, Watcher } from './first-answer.ts'
export type { Station } from './fleet.ts'
export { type RoutingOptions, routingOptions } from './options.ts'

/** A waiting place at the deployment that was picked. */
export interface Booking {
  station: Station
  place: WaitingPlace
}

export interface Load {
  deployment: string
  readiness: Readiness
  /** Places right now, taken ones included. */
  places: number
  running: number
  waiting: number
  isPaused: boolean
}

export interface Routing {
  /** Throws when the line is full. */
  book(call: Call, deployments: readonly Deployment[]): Booking
  firstAnswer(ask: Ask): Promise<Answer>
  load(): Load[]
  /**
   * Takes the whole list of deployments: opens those that are new, and closes those that are not on
   * it once their calls have finished.
   */
  follow(deployments: readonly Deployment[]): void
  close(): Promise<void>
}

export function createRouting(ports: FleetPorts, options: RoutingOptions): Routing {
  const { clock } = ports
  const fleet = createFleet(ports, options)
  return {
    book(call, deployments) {
      const stations = deployments.map(fleet.station).filter((one) => one !== null)
      const station = pick(call, stations)
      return { station, place: station.gate.enter() }
    },
    firstAnswer: (ask) => firstAnswer(ask, clock, options.fullWaitMs),
    load: () => [...fleet.stations().map(loadOf), ...[...fleet.broken()].map(brokenLoad)],
    follow(deployments) {
      fleet.keepOnly(new Set(deployments.map(({ id }) => id)))
      for (const deployment of deployments) if (!deployment.isDisabled) fleet.station(deployment)
    },
    close: fleet.close,
  }
}

function loadOf({ deployment, gate, upstream }: Station): Load {
  return {
    deployment: deployment.id,
    readiness: upstream.readiness(),
    places: upstream.capacity(),
    running: gate.running(),
    waiting: gate.waiting(),
    isPaused: gate.isPaused(),
  }
}

function brokenLoad({ id }: Deployment): Load {
  const readiness = { state: 'broken' } as const
  return { deployment: id, readiness, places: 0, running: 0, waiting: 0, isPaused: false }
}

function pick(call: Call, stations: readonly Station[]): Station {
  const speaks = ({ upstream }: Station) => upstream.speaks(call.surface) !== null
  const takes = ({ upstream }: Station) => call.body.bytes.length <= upstream.bodyBytesMax
  const station = stations.find((one) => speaks(one) && takes(one))
  if (station !== undefined) return station
  const able = stations.filter(speaks)
  if (able.length > 0)
    throw tooLarge(Math.max(...able.map(({ upstream }) => upstream.bodyBytesMax)))
  throw new Fault('no_deployment', {
    message: `No deployment of '${call.modelId}' can serve this route now.`,
  })
}

function tooLarge(bytesMax: number): Fault {
  return new Fault('body_too_large', {
    message: `The request is larger than this model's server accepts: ${bytesMax} bytes.`,
  })
}
