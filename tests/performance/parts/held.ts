// What a gateway holds in memory at rest and with many open streams, each in a process that was just
// started; and how soon clients that come together on new connections get their first token.
import { setTimeout as delay } from 'node:timers/promises'
import { rssMbOf } from '../rig/process-figures.ts'
import { ofRounds, toldMs, toldOfGenerator } from '../rig/quantiles.ts'
import type { Verdict } from '../rig/report.ts'
import type { Contender, Rig } from '../rig/rig.ts'
import { chunks, smallCalls, warmUp } from './cpu-loads.ts'

/** At rest: nothing was asked, and what starting began has ended. */
const restMs = 3000
const restMbMax = 110
const heldCount = 2000
/** As long as they take to come: it is not their coming that is measured here. */
const heldWithinMs = 5000
const burstCount = 500
const burstWithinMs = 500
/** Five hundred connections in half a second keep the generator busy, too. */
const lateMsMax = 20
/** As long as closing all of them takes at most. */
const pauseMs = 1000
const warmUpLoopMs = 1500

interface Held {
  restMb: number
  heldMb: number
}

export async function measureHeld(rig: Rig, { rounds }: { rounds: number }): Promise<Verdict[]> {
  const bare = await measureMemory(rig, () => rig.startBare())
  const gateway = await measureMemory(rig, () =>
    rig.startGateway({ slots: heldCount, isCompiled: true }),
  )
  const ratio = gateway.heldMb / bare.heldMb
  return [
    {
      name: 'RSS at rest',
      measured: `${gateway.restMb.toFixed(0)} MB / ${bare.restMb.toFixed(0)} MB`,
      gate: `≤ ${restMbMax} MB`,
      isMet: gateway.restMb <= restMbMax,
    },
    {
      name: `RSS with ${heldCount} open streams`,
      measured: `${gateway.heldMb.toFixed(0)} / ${bare.heldMb.toFixed(0)} MB = ${ratio.toFixed(2)}×`,
      gate: '≤ 1.6×',
      isMet: ratio <= 1.6,
    },
    await burstVerdict(rig, rounds),
  ]
}

/** One after the other: memory is shared by all. */
async function measureMemory({ generator }: Rig, start: () => Promise<Contender>): Promise<Held> {
  const { pid, target, name, stop } = await start()
  await delay(restMs)
  const restMb = rssMbOf(pid)
  const load = { target, count: heldCount, withinMs: heldWithinMs }
  const { open } = await generator.ask('hold', load)
  if (open < heldCount) throw new Error(`${open} of ${heldCount} streams of the ${name} opened`)
  await delay(restMs)
  const heldMb = rssMbOf(pid)
  await generator.ask('letGo', null)
  await stop()
  return { restMb, heldMb }
}

/** Both warm: in a process that has just started, compiling takes most of the time. */
async function burstVerdict(rig: Rig, rounds: number): Promise<Verdict> {
  const contenders = [await rig.startBare(), await rig.startGateway({ slots: 2 * burstCount })]
  for (const contender of contenders) await warm(rig, contender)
  const firsts: Record<Contender['name'], Awaited<ReturnType<typeof burst>>[]> = {
    'bare relay': [],
    gateway: [],
  }
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? contenders : contenders.toReversed()
    for (const contender of order) firsts[contender.name].push(await burst(rig, contender))
  }
  const gateway = ofRounds(firsts.gateway)
  const bare = ofRounds(firsts['bare relay'])
  const lateOf = (name: Contender['name']) => ofRounds(firsts[name].map(({ late }) => late))
  const late = toldOfGenerator(lateMsMax, lateOf('gateway'), lateOf('bare relay'))
  return {
    name: `first token of ${burstCount} new connections in ${burstWithinMs} ms`,
    measured: `${toldMs(gateway, bare)}; ${late.told}`,
    gate: 'p50, p99 ≤ 1.1×',
    isMet: late.isOnTime && gateway.p50Ms <= bare.p50Ms * 1.1 && gateway.p99Ms <= bare.p99Ms * 1.1,
  }
}

async function warm(rig: Rig, contender: Contender): Promise<void> {
  await warmUp(rig, contender, smallCalls(warmUpLoopMs))
  await warmUp(rig, contender, chunks)
  for (let time = 0; time < 5; time += 1) await burst(rig, contender)
}

async function burst({ generator }: Rig, { target, name }: Contender) {
  const load = { target, count: burstCount, withinMs: burstWithinMs }
  const figures = await generator.ask('hold', load)
  await generator.ask('letGo', null)
  if (figures.open < burstCount) throw new Error(`${figures.open} streams of the ${name} opened`)
  await delay(pauseMs)
  return figures
}
