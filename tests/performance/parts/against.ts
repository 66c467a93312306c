// The working tree beside another commit, in pairs of rounds that directly follow each other: what
// disturbs a shared machine disturbs both of a pair, and their difference is told to a microsecond
// where ratios to the bare relay differ by a tenth from run to run.
import type { Verdict } from '../rig/report.ts'
import type { Rig } from '../rig/rig.ts'
import { chunks, cpuUsPerUnit, type Load, smallCalls, warmUp } from './cpu-loads.ts'

export interface AgainstOptions {
  source: string
  commit: string
  pairs: number
  loopMs: number
}

interface Pair {
  hereUs: number
  thereUs: number
}

/** What a later change may cost: more needs a word. */
const callMoreUsMax = 3

export async function measureAgainst(rig: Rig, options: AgainstOptions): Promise<Verdict[]> {
  const here = await rig.startGateway()
  const there = await rig.startGateway({ source: options.source })
  const loads = [smallCalls(options.loopMs), chunks]
  const pairs = new Map<Load, Pair[]>(loads.map((load) => [load, []]))
  // Twice: after one, V8's compiling was still a third of a round on a slow machine.
  for (const contender of [here, there, here, there]) {
    for (const load of loads) await warmUp(rig, contender, load)
  }
  for (let pair = 0; pair < options.pairs; pair += 1) {
    for (const [load, known] of pairs) {
      const figures = new Map<typeof here, number>()
      const order = pair % 2 === 0 ? [here, there] : [there, here]
      for (const one of order) figures.set(one, await cpuUsPerUnit(rig, one, load))
      known.push({ hereUs: figures.get(here) ?? NaN, thereUs: figures.get(there) ?? NaN })
    }
  }
  return [...pairs].map(([load, known]) => verdictOf(load, known, options.commit))
}

function verdictOf(load: Load, pairs: readonly Pair[], commit: string): Verdict {
  const more = quartilesOf(pairs.map(({ hereUs, thereUs }) => hereUs - thereUs))
  const here = quartilesOf(pairs.map(({ hereUs }) => hereUs))
  const there = quartilesOf(pairs.map(({ thereUs }) => thereUs))
  const isOfChunks = load === chunks
  return {
    name: `${load.name}, against ${commit}`,
    measured:
      `${signed(more.middle)} (half of ${pairs.length} pairs: ${signed(more.low)} to ` +
      `${signed(more.high)}); ${here.middle.toFixed(1)} / ${there.middle.toFixed(1)}`,
    // Nothing: where a quarter of the pairs say that it costs less, it cannot be told from nothing.
    gate: isOfChunks ? 'nothing more' : `≤ ${callMoreUsMax} more`,
    isMet: isOfChunks ? more.low <= 0 : more.middle <= callMoreUsMax,
  }
}

function quartilesOf(values: readonly number[]): { low: number; middle: number; high: number } {
  const sorted = values.toSorted((one, other) => one - other)
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? NaN
  return { low: at(0.25), middle: at(0.5), high: at(0.75) }
}

function signed(us: number): string {
  return `${us < 0 ? '−' : '+'}${Math.abs(us).toFixed(1)}`
}
