// Where a call goes, when and how often. Today a model's first deployment that speaks the surface;
// the places there, the line before them, and the one repeat are all in this room.
import { type Answer, type Call, type Clock, type Deployment, Fault, type Readiness } from '#domain'
import { type Ask, firstAnswer } from './first-answer.ts'
import { createFleet, type OpenUpstream, type Station } from './fleet.ts'
import type { WaitingPlace } from './gate.ts'
import type { RoutingOptions } from './options.ts'

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
  /** Deployments that are no longer there: their calls finish, then they are closed. */
  keepOnly(deploymentIds: ReadonlySet<string>): void
  close(): Promise<void>
}

export function createRouting(open: OpenUpstream, options: RoutingOptions, clock: Clock): Routing {
  const fleet = createFleet(open, options, clock)
  return {
    book(call, deployments) {
      const station = pick(call, deployments.map(fleet.station))
      return { station, place: station.gate.enter() }
    },
    firstAnswer,
    load: () =>
      fleet.stations().map(({ deployment, gate, upstream }) => ({
        deployment: deployment.id,
        readiness: upstream.readiness(),
        places: upstream.capacity(),
        running: gate.running(),
        waiting: gate.waiting(),
        isPaused: gate.isPaused(),
      })),
    keepOnly: fleet.keepOnly,
    close: fleet.close,
  }
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
