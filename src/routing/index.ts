// Where a call goes, when, and how often: the line before its model, the plan of deployments that
// may answer it, their places and circuits, and which attempts are made again.
import type { Deployment, Model, Readiness } from '#domain'
import type { Booking } from './booking.ts'
import type { CircuitState } from './circuit.ts'
import { type Ask, firstAnswer } from './first-answer.ts'
import { Fleet, type FleetPorts } from './fleet.ts'
import { Line, type LinePorts } from './line.ts'
import type { RoutingOptions } from './options.ts'
import type { BegunAnswer } from './peek.ts'
import { noneLeft, type PlanAsk } from './plan.ts'
import { RetryBudget } from './retry-budget.ts'
import type { Station } from './station.ts'

export type { Booking } from './booking.ts'
export type { AttemptLine, Hop, Watcher } from './first-answer.ts'
export { type RoutingOptions, routingOptions } from './options.ts'
export type { BegunAnswer } from './peek.ts'
export type { Station } from './station.ts'

interface Load {
  deployment: string
  readiness: Readiness
  circuit: CircuitState['is']
  /** Places right now, taken ones included. */
  places: number
  /** Sequences. */
  running: number
  isPaused: boolean
}

export interface RoutingPorts extends Omit<FleetPorts, 'onCircuit' | 'options'> {
  /** A circuit opened, closed, or may be tried. */
  onCircuit(deployment: string, state: CircuitState['is']): void
  /** From 0 to 1, without 1. */
  random?(): number
}

export interface Routing {
  /** Throws when no deployment can answer the call, or when the line is full. */
  book(ask: PlanAsk, model: Model): Booking
  firstAnswer(ask: Ask): Promise<BegunAnswer>
  load(): Load[]
  /** Calls in line, by model. */
  waiting(): { model: string; waiting: number }[]
  /**
   * Takes the whole list of models: opens new deployments, lets waiting calls go to them, and
   * closes the deployments that are not on the list once their calls have ended.
   */
  follow(models: readonly Model[]): void
  /** An operator says that a deployment is well; false: no deployment has this id. */
  resetCircuit(deploymentId: string): boolean
  close(): Promise<void>
}

export function createRouting(ports: RoutingPorts, options: RoutingOptions): Routing {
  const { clock, random = Math.random } = ports
  const budget = new RetryBudget()
  const fleet = new Fleet({
    ...ports,
    options,
    onCircuit: ({ deployment }, state) => ports.onCircuit(deployment.id, state),
  })
  const linePorts: LinePorts = { clock, options, random }
  const tools = { clock, options, budget, random }
  let lines = new Map<string, Line>()

  function lineOf(model: Model): Line {
    const line = lines.get(model.id) ?? new Line(model, linePorts)
    const stations = model.deployments
      .filter(({ isDisabled }) => !isDisabled)
      .flatMap((deployment) => fleet.station(deployment) ?? [])
    for (const station of stations) station.onChange = () => line.look()
    line.follow(model, stations)
    return line
  }

  return {
    book(ask, model) {
      const line = lines.get(model.id)
      if (line === undefined) throw noneLeft(ask.call.modelId)
      return line.enter(ask)
    },
    firstAnswer: (ask) => firstAnswer(ask, tools),
    load: () => [...fleet.stations().map(loadOf), ...[...fleet.broken()].map(brokenLoad)],
    waiting: () => [...lines].map(([model, line]) => ({ model, waiting: line.waiting })),
    follow(models) {
      const ids = models.flatMap(({ deployments }) =>
        deployments.filter(({ isDisabled }) => !isDisabled).map(({ id }) => id),
      )
      const before = lines
      lines = new Map(models.map((model) => [model.id, lineOf(model)]))
      for (const [id, line] of before) if (!lines.has(id)) line.follow(line.model, [])
      fleet.keepOnly(new Set(ids))
    },
    resetCircuit(deploymentId) {
      const station = fleet.stations().find(({ deployment }) => deployment.id === deploymentId)
      station?.circuit.reset()
      return station !== undefined
    },
    close: () => fleet.close(),
  }
}

function loadOf({ deployment, upstream, circuit, pause, running, places }: Station): Load {
  return {
    deployment: deployment.id,
    readiness: upstream.readiness(),
    circuit: circuit.state.is,
    places,
    running,
    isPaused: pause.isOn,
  }
}

function brokenLoad({ id }: Deployment): Load {
  const readiness = { state: 'broken' } as const
  const idle = { places: 0, running: 0, isPaused: false }
  return { deployment: id, readiness, circuit: 'closed', ...idle }
}
