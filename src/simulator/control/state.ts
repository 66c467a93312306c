// What is going on in an account, as one value: `GET /__control/state` gives it as JSON, and the
// terminal view draws it. It is made anew at each look and holds nothing back.
import type { Account, Endpoint } from '../contract.ts'
import type { Census } from '../crew.ts'
import type { CallCounters, EndpointCounters } from '../endpoint/counters.ts'
import type { SequenceCounts } from '../engine/sequence-room.ts'
import type { Provider } from '../provider/provider.ts'
import type { WorkerView } from '../worker/worker-events.ts'
import type { FaultRules } from './fault-rules.ts'
import { openTokenMeter, type TokenMeter } from './token-meter.ts'

export interface SimulatorState {
  /** The account's clock, which may be virtual. */
  nowMs: number
  /** Open TCP connections, idle ones too. */
  sockets: number
  /** What all workers have cost since the start. */
  usd: number
  rules: ReturnType<FaultRules['list']>
  endpoints: { [id: string]: EndpointState }
  /** Of the external provider, which has neither workers nor a bill here. */
  provider: ProviderState
}

export interface ProviderState extends CallCounters {
  models: string[]
  queued: number
  running: number
  sequences: SequenceCounts
  generatedTokens: number
}

export interface EndpointState extends EndpointCounters {
  model: string
  workers: Census
  /** Every worker, parked ones too. */
  workerList: WorkerView[]
  queued: number
  running: number
  oldestWaitMs: number
  /** What its engines have in hand, counted in sequences where `running` counts calls. */
  sequences: SequenceCounts
  generatedTokens: number
  tokensPerSecond: number
  usd: number
}

export function openStateLook(account: Account, sockets: () => number): () => SimulatorState {
  const meters = new Map<string, TokenMeter>()
  const { clock } = account

  function meterOf(id: string): TokenMeter {
    const meter = meters.get(id) ?? openTokenMeter()
    meters.set(id, meter)
    return meter
  }

  function stateOf(endpoint: Endpoint): EndpointState {
    const engine = endpoint.bareEngine.load()
    const load = endpoint.load()
    const generatedTokens = endpoint.generatedTokens()
    return {
      model: endpoint.model.model,
      workers: endpoint.workers(),
      workerList: endpoint.workerViews(),
      queued: load.queued + engine.waiting,
      running: load.running + engine.running,
      oldestWaitMs: Math.round(endpoint.oldestWaitMs()),
      sequences: endpoint.room.counts(),
      ...endpoint.counters,
      generatedTokens,
      tokensPerSecond: meterOf(endpoint.id).perSecond(clock.ticksMs(), generatedTokens),
      usd: account.bill.usd(endpoint.id),
    }
  }

  return () => {
    for (const id of meters.keys()) if (!account.endpoints.has(id)) meters.delete(id)
    const all = [...account.endpoints.values()]
    return {
      nowMs: clock.nowMs(),
      sockets: sockets(),
      usd: account.bill.usd(),
      rules: account.rules.list(),
      endpoints: Object.fromEntries(all.map((endpoint) => [endpoint.id, stateOf(endpoint)])),
      provider: providerState(account.provider),
    }
  }
}

function providerState(provider: Provider): ProviderState {
  const { running, waiting } = provider.load()
  return {
    models: provider.models(),
    queued: waiting,
    running,
    sequences: provider.room.counts(),
    ...provider.counters,
    generatedTokens: provider.generatedTokens(),
  }
}
