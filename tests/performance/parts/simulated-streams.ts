// The simulator under load: it must never be what is slow in a test of the gateway. 500 streams on
// the OpenAI route, each with a chunk in every step of 50 ms, and how late each chunk is.
import type { Verdict } from '../rig/report.ts'
import type { Rig } from '../rig/rig.ts'

const streams = 500
const stepMs = 50
const lateMaxMs = 20
/** Clients do not all come in the same moment. */
const spreadMs = 5000

export async function measureSimulatedStreams(
  rig: Rig,
  { seconds }: { seconds: number },
): Promise<Verdict[]> {
  const target = await rig.startSimulator({ places: streams, stepMs })
  const chunksEach = (seconds * 1000 + spreadMs) / stepMs
  // A first round so that what is measured is not how fast the code is compiled.
  const load = { target, count: streams, stepMs, spreadMs }
  await rig.generator.ask('paced', { ...load, chunksEach: 100 })
  const figures = await rig.generator.ask('paced', { ...load, chunksEach })
  const { chunks, completed, p50Ms, p99Ms, maxMs } = figures
  const perSecond = (streams * 1000) / stepMs
  const late = `p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)}, most ${maxMs.toFixed(1)} ms late`
  return [
    {
      name: `simulator, ${streams} streams, ${perSecond} chunks/s for ${seconds} s`,
      measured: `${completed} complete, ${chunks} chunks, ${late}`,
      gate: `all, p99 ≤ ${lateMaxMs} ms late`,
      isMet: completed === streams && chunks === streams * chunksEach && p99Ms <= lateMaxMs,
    },
  ]
}
