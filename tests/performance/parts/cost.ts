// CPU time per request and per chunk, of the bare relay and of the gateway with everything on, in
// alternating rounds. The least of a run's rounds counts: noise on a shared machine only ever adds.
// The run in the middle of three counts, each with processes of its own: what V8 makes of the same
// code differs from one process to the next.
import { median, type Verdict } from '../rig/report.ts'
import type { Contender, Rig } from '../rig/rig.ts'
import { chunks, cpuUsPerUnit, type Load, largeCalls, smallCalls, warmUp } from './cpu-loads.ts'

export interface CostOptions {
  rounds: number
  loopMs: number
}

interface Promised {
  load: Load
  gate: number
  goal: number
}

interface Cost {
  bareUs: number
  gatewayUs: number
}

const runs = 3

export async function measureCost(rig: Rig, options: CostOptions): Promise<Verdict[]> {
  const promises: readonly Promised[] = [
    { load: smallCalls(options.loopMs), gate: 2, goal: 1.5 },
    { load: largeCalls(options.loopMs), gate: 2.5, goal: 2 },
    { load: chunks, gate: 1.25, goal: 1.25 },
  ]
  const loads = promises.map(({ load }) => load)
  const costs: Cost[][] = []
  for (let run = 0; run < runs; run += 1) costs.push(await oneRun(rig, loads, options.rounds))
  return promises.map((promise, at) =>
    verdictOf(
      promise,
      costs.flatMap((run) => run[at] ?? []),
    ),
  )
}

/** For each load, the least of all rounds. */
async function oneRun(rig: Rig, loads: readonly Load[], rounds: number): Promise<Cost[]> {
  const bare = await rig.startBare()
  const gateway = await rig.startGateway()
  const costs = loads.map(() => ({ bareUs: Infinity, gatewayUs: Infinity }))
  const measure = async (contender: Contender, load: Load, cost: Cost) => {
    const us = await cpuUsPerUnit(rig, contender, load)
    if (contender === bare) cost.bareUs = Math.min(cost.bareUs, us)
    else cost.gatewayUs = Math.min(cost.gatewayUs, us)
  }
  for (const contender of [bare, gateway]) {
    for (const load of loads) await warmUp(rig, contender, load)
  }
  for (let round = 0; round < rounds; round += 1) {
    // Who goes first changes from round to round.
    const order = round % 2 === 0 ? [bare, gateway] : [gateway, bare]
    for (const [at, cost] of costs.entries()) {
      const load = loads[at]
      if (load !== undefined) for (const one of order) await measure(one, load, cost)
    }
  }
  for (const contender of [bare, gateway]) await contender.stop()
  return costs
}

function verdictOf({ load, gate, goal }: Promised, costs: readonly Cost[]): Verdict {
  const ratios = costs.map(({ bareUs, gatewayUs }) => gatewayUs / bareUs)
  const ratio = median(ratios)
  const { bareUs, gatewayUs } = costs[ratios.indexOf(ratio)] ?? { bareUs: NaN, gatewayUs: NaN }
  const all = ratios.map((one) => one.toFixed(2)).join(', ')
  return {
    name: load.name,
    measured: `${gatewayUs.toFixed(1)} / ${bareUs.toFixed(1)} = ${ratio.toFixed(2)}× (of ${all})`,
    gate: `≤ ${gate}×`,
    isMet: ratio <= gate,
    goal: `≤ ${goal}×`,
    isGoalMet: ratio <= goal,
  }
}
