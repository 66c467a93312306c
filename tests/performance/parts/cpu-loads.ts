// The work whose CPU time is counted: whole answers in a closed loop, and streams.
import { cpuMsOf } from '../rig/process-figures.ts'
import type { Contender, Rig } from '../rig/rig.ts'

export interface Load {
  name: string
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

export function smallCalls(loopMs: number): Load {
  return {
    name: 'CPU µs per request, 0.5 KB',
    warmUpUnits: 60_000,
    run: (rig, contender) => runLoop(rig, contender, 512, loopMs),
  }
}

export function largeCalls(loopMs: number): Load {
  return {
    name: 'CPU µs per request, 200 KB',
    warmUpUnits: 5_000,
    run: (rig, contender) => runLoop(rig, contender, 204_800, loopMs),
  }
}

export const chunks: Load = {
  name: 'CPU µs per SSE chunk',
  warmUpUnits: 60_000,
  run: runStreams,
}

export async function warmUp(rig: Rig, contender: Contender, load: Load): Promise<void> {
  for (let units = 0; units < load.warmUpUnits; ) units += (await load.run(rig, contender)).units
}

export async function cpuUsPerUnit(rig: Rig, contender: Contender, load: Load): Promise<number> {
  const { cpuMs, units } = await load.run(rig, contender)
  return (cpuMs * 1000) / units
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
