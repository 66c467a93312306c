// Many streams at once: all of them complete and in order, and no chunk waits longer in the gateway
// than it does in a bare relay.
import { median, type Verdict } from '../rig/report.ts'
import type { Contender, Rig } from '../rig/rig.ts'

const manyStreams = 500
const timedStreams = 100

export async function measureStreams(rig: Rig, { rounds }: { rounds: number }): Promise<Verdict[]> {
  const bare = await rig.startBare()
  const gateway = await rig.startGateway()
  for (const contender of [bare, gateway]) await timed(rig, contender)
  const bareMs: number[] = []
  const gatewayMs: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    bareMs.push(await timed(rig, bare))
    gatewayMs.push(await timed(rig, gateway))
  }
  return [delayVerdict(median(gatewayMs), median(bareMs)), await manyVerdict(rig, gateway)]
}

async function timed({ generator }: Rig, { target, name }: Contender): Promise<number> {
  const load = { target, model: 'ticks-100', count: timedStreams } as const
  const { completed, inOrder, p99Ms } = await generator.ask('streams', load)
  if (completed === timedStreams && inOrder) return p99Ms
  throw new Error(`${completed} of ${timedStreams} streams of the ${name} completed`)
}

function delayVerdict(gatewayMs: number, bareMs: number): Verdict {
  return {
    name: `p99 chunk delay, ${timedStreams} streams`,
    measured: `${gatewayMs.toFixed(1)} ms / ${bareMs.toFixed(1)} ms`,
    gate: '≤ 1.5× or ≤ 10 ms more',
    isMet: gatewayMs <= bareMs * 1.5 || gatewayMs <= bareMs + 10,
  }
}

async function manyVerdict({ generator }: Rig, { target }: Contender): Promise<Verdict> {
  const load = { target, model: 'ticks-128', count: manyStreams } as const
  const { completed, chunks, inOrder, p99Ms } = await generator.ask('streams', load)
  const order = inOrder ? 'in order' : 'OUT OF ORDER'
  return {
    name: `${manyStreams} streams at once`,
    measured: `${completed} complete, ${chunks} chunks ${order}, p99 ${p99Ms.toFixed(1)} ms`,
    gate: 'all, in order',
    isMet: completed === manyStreams && chunks === manyStreams * 128 && inOrder,
  }
}
