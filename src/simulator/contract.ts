// What the parts of the simulator know of one another: an account, its endpoints, and what an
// endpoint hands to its crew. Only types stand here; account.ts and endpoint/endpoint.ts make them.
import type { Clock } from '#domain'
import type { Bill } from './bill/bill.ts'
import type { FaultRules } from './control/fault-rules.ts'
import type { Census, Crew, JobQueue, Leave, WorkOrder } from './crew.ts'
import type { RateLimits } from './edge/rate-limits.ts'
import type { EndpointCounters } from './endpoint/counters.ts'
import type { EndpointSettings } from './endpoint/fleet-options.ts'
import type { BareEngine } from './engine/bare-engine.ts'
import type { Chance } from './engine/random.ts'
import type { SequenceRoom } from './engine/sequence-room.ts'
import type { Batch } from './jobs/batch.ts'
import type { JobStore } from './jobs/job-store.ts'
import type { Webhooks } from './jobs/webhooks.ts'
import type { EndpointOptions, SimulatorOptions } from './options.ts'
import type { Provider } from './provider/provider.ts'
import type { SimulatedFleet } from './worker/simulated-fleet.ts'
import type { WorkerEvent, WorkerEvents, WorkerView } from './worker/worker-events.ts'

export interface Account {
  readonly options: SimulatorOptions
  readonly clock: Clock
  readonly rules: FaultRules
  readonly endpoints: ReadonlyMap<string, Endpoint>
  readonly webhooks: Webhooks
  /** The external provider beside RunPod. */
  readonly provider: Provider
  /** Random numbers of their own for each name: what one part draws changes no other part. */
  chanceOf(name: string): Chance
  newJobId(kind: 'run' | 'runsync'): string
  addEndpoint(id: string, model: EndpointOptions): Endpoint
  /** False: there is none of this id. */
  removeEndpoint(id: string): boolean
  /** What its workers have cost. */
  readonly bill: Bill
  /** The listener hears what happens to workers, until the returned function is called. */
  onWorkerEvent(listener: WorkerEvents): () => void
  tell(event: WorkerEvent): void
  close(): void
}

export interface Endpoint {
  readonly id: string
  readonly model: EndpointOptions
  /** A stock vLLM server beside the workers, always up. */
  readonly bareEngine: BareEngine
  /** How many sequences its engines run, those of workers and the one beside them. */
  readonly room: SequenceRoom
  readonly counters: EndpointCounters
  /** The jobs that it remembers. */
  readonly jobs: JobStore
  /** By their ids. */
  readonly batches: Map<string, Batch>
  readonly rateLimits: RateLimits
  /** Who does its jobs. */
  readonly crew: Crew
  /** Its simulated workers; null where real ones do the work. */
  readonly fleet: SimulatedFleet | null
  /** Null: the queue is full, or the endpoint was removed. */
  submit(order: WorkOrder): Leave | null
  /** Fails all jobs that wait, and returns how many there were. */
  failQueued(error: string): number
  load(): { queued: number; running: number }
  workers(): Census
  workerViews(): WorkerView[]
  oldestWaitMs(): number
  generatedTokens(): number
  /** Idle workers stop now, busy ones when they are done. */
  makeCold(): void
  settings(): EndpointSettings
  /** Changes its options. A release replaces its workers, the idle ones at once. */
  change(model: EndpointOptions, isRelease: boolean): void
  /** `failure` is told to whoever still waits for a job; null: nobody is told. */
  close(failure: string | null): void
}

/** What a crew is given of its endpoint. */
export interface CrewPorts {
  endpointId: string
  model(): EndpointOptions
  account: Account
  queue: JobQueue
  room: SequenceRoom
  settings(): EndpointSettings
}

export type OpenCrew = (ports: CrewPorts) => { crew: Crew; fleet: SimulatedFleet | null }
