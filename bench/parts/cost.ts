// CPU time per request and per chunk, of the bare relay and of the gateway with everything on, in
// alternating rounds. The least of all rounds counts: noise on a shared machine only ever adds.
import { cpuMsOf } from '../rig/process-figures.ts'
import type { Verdict } from '../rig/report.ts'
import type { Contender, Rig } from '../rig/rig.ts'

export interface CostOptions {
  rounds: number
  loopMs: number
}

interface Load {
  name: string
  gate: number
  goal: number
  /** Units of work until V8 has compiled what runs often; its compiling costs a core for a while. */
  warmUpUnits: number
  run(rig: Rig, contender: Contender): Promise<Work>
}

interface Work {
  units: number
  cpuMs: number
}

const connections = 32
const streamCount = 50

export async function measureCost(rig: Rig, options: CostOptions): Promise<Verdict[]> {
  const contenders = [await rig.startBare(), await rig.startGateway()]
  const loads = loadsOf(options)
  const figures = new Map<string, number[]>()
  for (const contender of contenders) {
    for (const load of loads) await warmUp(rig, contender, load)
  }
  for (let round = 0; round < options.rounds; round += 1) {
    for (const load of loads) {
      // Who goes first changes from round to round.
      const order = round % 2 === 0 ? contenders : contenders.toReversed()
      for (const contender of order) {
        const key = `${load.name} ${contender.name}`
        const known = figures.get(key) ?? []
        const { cpuMs, units } = await load.run(rig, contender)
        figures.set(key, [...known, (cpuMs * 1000) / units])
      }
    }
  }
  const least = (load: Load, name: string) =>
    Math.min(...(figures.get(`${load.name} ${name}`) ?? []))
  return loads.map((load) => verdictOf(load, least(load, 'bare relay'), least(load, 'gateway')))
}

async function warmUp(rig: Rig, contender: Contender, load: Load): Promise<void> {
  for (let units = 0; units < load.warmUpUnits; ) units += (await load.run(rig, contender)).units
}

function loadsOf({ loopMs }: CostOptions): Load[] {
  return [
    {
      name: 'CPU µs per request, 0.5 KB',
      gate: 2,
      goal: 1.5,
      warmUpUnits: 60_000,
      run: (rig, contender) => runLoop(rig, contender, 512, loopMs),
    },
    {
      name: 'CPU µs per request, 200 KB',
      gate: 2.5,
      goal: 2,
      warmUpUnits: 5_000,
      run: (rig, contender) => runLoop(rig, contender, 204_800, loopMs),
    },
    {
      name: 'CPU µs per SSE chunk',
      gate: 1.25,
      goal: 1.25,
      warmUpUnits: 60_000,
      run: runStreams,
    },
  ]
}

async function runLoop(
  { generator }: Rig,
  { pid, target, name }: Contender,
  bodyBytes: number,
  durationMs: number,
): Promise<Work> {
  const beforeMs = cpuMsOf(pid)
  const load = { target, connections, bodyBytes, durationMs }
  const { answers, failures } = await generator.ask('closedLoop', load)
  if (failures > 0) throw new Error(`${failures} of ${answers} answers of the ${name} failed`)
  return { units: answers, cpuMs: cpuMsOf(pid) - beforeMs }
}

async function runStreams({ generator }: Rig, { pid, target, name }: Contender): Promise<Work> {
  const beforeMs = cpuMsOf(pid)
  const load = { target, model: 'ticks-128', count: streamCount } as const
  const { completed, chunks } = await generator.ask('streams', load)
  if (completed < streamCount) throw new Error(`${completed} streams of the ${name} completed`)
  return { units: chunks, cpuMs: cpuMsOf(pid) - beforeMs }
}

function verdictOf({ name, gate, goal }: Load, bare: number, gateway: number): Verdict {
  const ratio = gateway / bare
  return {
    name,
    measured: `${gateway.toFixed(1)} / ${bare.toFixed(1)} = ${ratio.toFixed(2)}×`,
    gate: `≤ ${gate}×`,
    isMet: ratio <= gate,
    goal: `≤ ${goal}×`,
    isGoalMet: ratio <= goal,
  }
}
