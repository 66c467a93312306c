// One endpoint with simulated workers on a clock that the test moves, without sockets. Jobs take as
// long as the engine's batch says, and what happens to them is told in order.
import { openAccount } from '#src/simulator/account.ts'
import { type ManualClock, openManualClock } from '#src/simulator/clock/manual-clock.ts'
import type { Account, Endpoint } from '#src/simulator/contract.ts'
import { faultPlan } from '#src/simulator/control/faults.ts'
import type { Leave, WorkOrder } from '#src/simulator/crew.ts'
import { type SimulatorOptions, simulatorOptions } from '#src/simulator/index.ts'
import { traceHands } from '#src/simulator/trace/trace-hands.ts'
import { openSimulatedCrew } from '#src/simulator/worker/simulated-crew.ts'
import type { SimulatedFleet } from '#src/simulator/worker/simulated-fleet.ts'
import type { WorkerEvent } from '#src/simulator/worker/worker-events.ts'

export interface WatchedFleet {
  account: Account
  clock: ManualClock
  endpoint: Endpoint
  fleet: SimulatedFleet
  /** What happened to jobs, as `a started`. */
  story: string[]
  /** What happened to workers, without jobs. */
  events: WorkerEvent[]
  /** A job of so many tokens, 10 ms each. */
  submit(name: string, tokens?: number, more?: Partial<WorkOrder>): Leave | null
}

export function simulatedFleet(
  settings: Partial<SimulatorOptions> = {},
  endpointId = 'sim-phi',
): WatchedFleet {
  const clock = openManualClock(1_700_000_000_000)
  const read = simulatorOptions.parse({ coldMs: 2000, ...settings })
  const model = read.endpoints[endpointId]
  if (model === undefined) throw new Error('no such endpoint')
  const timing = { stepMs: 10, stepPerSequenceMs: 0, prefillMsPer1k: 0 }
  const options = { ...read, endpoints: {} }
  const tokensOf = new Map<string, number>()
  const account = openAccount(options, clock, (ports) =>
    openSimulatedCrew(ports, (crew) =>
      traceHands(crew, (id) => ({ atMs: 0, promptTokens: 1, tokens: tokensOf.get(id) ?? 1 })),
    ),
  )
  const events: WorkerEvent[] = []
  account.onWorkerEvent((event) => {
    if (!event.what.startsWith('job-')) events.push(event)
  })
  const endpoint = account.addEndpoint(endpointId, { ...model, timing })
  if (endpoint.fleet === null) throw new Error('its workers are not simulated')
  const story: string[] = []
  return {
    account,
    clock,
    endpoint,
    fleet: endpoint.fleet,
    story,
    events,
    submit(name, tokens = 10, more = {}) {
      tokensOf.set(name, tokens)
      const tell = (what: string) => void story.push(`${name} ${what}`)
      return endpoint.submit({
        jobId: name,
        input: { prompt: name },
        faults: faultPlan([]),
        sink: {
          started: () => tell('started'),
          yielded: () => true,
          whenDrained: (callback) => callback(),
          progressed() {},
          done: () => tell('done'),
          failed: (error) => tell(`failed: ${error}`),
          requeued: () => tell('requeued'),
          torn: () => tell('torn'),
        },
        ...more,
      })
    },
  }
}

export function kindsOf(events: readonly WorkerEvent[]): string[] {
  return events.map(({ what }) => what)
}
