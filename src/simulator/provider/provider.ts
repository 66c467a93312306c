// An external provider beside the RunPod account: it serves the same text models over OpenAI's API,
// on machines of its own that are always warm and that no bill of RunPod's counts. Each model has
// one simulated engine.
import type { Clock } from '#domain'
import { type CallCounters, openCallCounters } from '../endpoint/counters.ts'
import { type BareEngine, openBareEngine } from '../engine/bare-engine.ts'
import { engineOptions } from '../engine/engine-options.ts'
import type { Chance } from '../engine/random.ts'
import { openSequenceRoom, type SequenceRoom } from '../engine/sequence-room.ts'
import type { EndpointOptions, SimulatorOptions } from '../options.ts'
import { openAllowance, type Spend } from './allowance.ts'
import { providerName } from './provider-name.ts'

export interface Provider {
  readonly counters: CallCounters
  readonly room: SequenceRoom
  readonly spend: Spend
  /** For the ids that its answers carry. */
  readonly chance: Chance
  readonly startedSeconds: number
  models(): string[]
  engineOf(model: string): BareEngine | undefined
  /** Happens to the engines of all its models. */
  happens: BareEngine['happens']
  phase: BareEngine['phase']
  load: BareEngine['load']
  generatedTokens(): number
  close(): void
}

export function openProvider(options: SimulatorOptions, clock: Clock, chance: Chance): Provider {
  const room = openSequenceRoom(options.seqsMax)
  const engines = new Map<string, BareEngine>()
  for (const model of textModels(options)) {
    const name = `${providerName} ${model.model}`
    const engine = openBareEngine(name, () => model, { ...options, room }, clock)
    engines.set(model.model, engine)
  }
  const all = () => [...engines.values()]
  return {
    counters: openCallCounters(),
    room,
    spend: openAllowance(clock),
    chance,
    startedSeconds: Math.floor(clock.nowMs() / 1000),
    models: () => [...engines.keys()],
    engineOf: (model) => engines.get(model),
    happens(event) {
      for (const engine of engines.values()) engine.happens(event)
    },
    phase: () => all()[0]?.phase() ?? 'up',
    load() {
      const loads = all().map((engine) => engine.load())
      return {
        running: loads.reduce((sum, { running }) => sum + running, 0),
        waiting: loads.reduce((sum, { waiting }) => sum + waiting, 0),
      }
    },
    generatedTokens: () => all().reduce((sum, engine) => sum + engine.generatedTokens(), 0),
    close() {
      for (const engine of engines.values()) engine.close()
    },
  }
}

/** What the endpoints serve from the start, once each, and never short of memory. */
function textModels({ endpoints }: SimulatorOptions): EndpointOptions[] {
  const models = new Map<string, EndpointOptions>()
  for (const model of Object.values(endpoints)) {
    if (model.kind !== 'generate' || models.has(model.model)) continue
    models.set(model.model, { ...model, engine: engineOptions.parse({}) })
  }
  return [...models.values()]
}
