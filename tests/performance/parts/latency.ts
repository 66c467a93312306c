// Whole answers to calls that come at planned moments, as many a second as clients send and not as
// many as there are answers: how long each takes, from its moment to the end of its answer.
import { ofRounds, type Quantiles, toldMs, toldOfGenerator } from '../rig/quantiles.ts'
import type { Verdict } from '../rig/report.ts'
import type { Contender, Rig } from '../rig/rig.ts'
import { smallCalls, warmUp } from './cpu-loads.ts'

export interface LatencyOptions {
  rounds: number
  seconds: number
}

interface Rate {
  perSecond: number
  /** How much longer than in the bare relay it may take; null: it is only told. */
  p99MoreMs: number | null
}

interface Figures extends Quantiles {
  failures: number
  late: Quantiles
}

const p50MoreMs = 0.3
const warmUpLoopMs = 1500
const warmUpSeconds = 4
/** The generator's timer has a grain of a millisecond. */
const lateMsMax = 2
const rates: readonly Rate[] = [
  { perSecond: 200, p99MoreMs: null },
  { perSecond: 500, p99MoreMs: 2 },
  { perSecond: 1000, p99MoreMs: 2 },
  { perSecond: 2000, p99MoreMs: 5 },
]

export async function measureLatency(rig: Rig, options: LatencyOptions): Promise<Verdict[]> {
  const contenders = [await rig.startBare(), await rig.startGateway()]
  for (const contender of contenders) {
    await warmUp(rig, contender, smallCalls(warmUpLoopMs))
    // Calls that come a few at a time take other ways through node than those of a closed loop.
    for (const rate of rates) await timed(rig, contender, rate, warmUpSeconds)
  }
  const verdicts: Verdict[] = []
  for (const rate of rates) {
    const figures: Record<Contender['name'], Figures[]> = { 'bare relay': [], gateway: [] }
    for (let round = 0; round < options.rounds; round += 1) {
      const order = round % 2 === 0 ? contenders : contenders.toReversed()
      for (const contender of order) {
        figures[contender.name].push(await timed(rig, contender, rate, options.seconds))
      }
    }
    verdicts.push(verdictOf(rate, ofAll(figures.gateway), ofAll(figures['bare relay'])))
  }
  return verdicts
}

function timed(
  { generator }: Rig,
  { target }: Contender,
  { perSecond }: Rate,
  seconds: number,
): Promise<Figures> {
  return generator.ask('openLoop', { target, perSecond, seconds, bodyBytes: 512 })
}

function ofAll(rounds: readonly Figures[]): Figures {
  const failures = rounds.reduce((sum, round) => sum + round.failures, 0)
  return { ...ofRounds(rounds), failures, late: ofRounds(rounds.map(({ late }) => late)) }
}

function verdictOf({ perSecond, p99MoreMs }: Rate, gateway: Figures, bare: Figures): Verdict {
  const { isOnTime, told } = toldOfGenerator(lateMsMax, gateway.late, bare.late)
  const failures = gateway.failures + bare.failures
  const failed = failures === 0 ? '' : `; FAILED ${gateway.failures} / ${bare.failures}`
  const isP99Met = p99MoreMs === null || gateway.p99Ms <= bare.p99Ms + p99MoreMs
  return {
    name: `whole answer of 0.5 KB, ${perSecond}/s`,
    measured: `${toldMs(gateway, bare)}; ${told}${failed}`,
    gate: `p50 ≤ ${p50MoreMs} ms more${p99MoreMs === null ? '' : `, p99 ≤ ${p99MoreMs} ms more`}`,
    isMet: isOnTime && failures === 0 && gateway.p50Ms <= bare.p50Ms + p50MoreMs && isP99Met,
  }
}
