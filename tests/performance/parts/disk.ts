// A disk on which every sync of the ledger takes 100 ms and every write 1 ms, under streams and
// whole answers: the ends of answers wait for it, and no chunk of a stream may.

import { median, type Verdict } from '../rig/report.ts'
import type { Contender, Rig } from '../rig/rig.ts'
import { hasStrace } from '../rig/slow-disk.ts'

const streamCount = 100
const perSecond = 200
/** As long as the streams take. */
const seconds = 10
const moreMsMax = 5
const name = `p99 chunk delay, ${streamCount} streams and ${perSecond} calls/s, slow disk`
const gate = `≤ ${moreMsMax} ms more`

interface Figures {
  chunkMs: number
  answerMs: number
}

export async function measureDisk(rig: Rig, { rounds }: { rounds: number }): Promise<Verdict[]> {
  if (!hasStrace()) {
    return [{ name, measured: 'strace is not installed: nothing measured', gate, isMet: false }]
  }
  const watched = await rig.startGateway({ disk: 'watched' })
  const slow = await rig.startGateway({ disk: 'slow' })
  for (const contender of [watched, slow]) await timed(rig, contender)
  const usual: Figures[] = []
  const delayed: Figures[] = []
  for (let round = 0; round < rounds; round += 1) {
    usual.push(await timed(rig, watched))
    delayed.push(await timed(rig, slow))
  }
  const chunkMs = middle(delayed, 'chunkMs')
  const usualMs = middle(usual, 'chunkMs')
  const answers = `${middle(delayed, 'answerMs').toFixed(0)} / ${middle(usual, 'answerMs').toFixed(0)}`
  return [
    {
      name,
      measured: `${chunkMs.toFixed(1)} / ${usualMs.toFixed(1)} ms (p99 of whole answers ${answers} ms)`,
      gate,
      isMet: chunkMs <= usualMs + moreMsMax,
    },
  ]
}

async function timed({ generator }: Rig, { target }: Contender): Promise<Figures> {
  const [streams, answers] = await Promise.all([
    generator.ask('streams', { target, model: 'ticks-1000', count: streamCount }),
    generator.ask('openLoop', { target, perSecond, seconds, bodyBytes: 512 }),
  ])
  if (streams.completed < streamCount || !streams.inOrder || answers.failures > 0) {
    throw new Error(`${streams.completed} streams completed, ${answers.failures} answers failed`)
  }
  return { chunkMs: streams.p99Ms, answerMs: answers.p99Ms }
}

function middle(rounds: readonly Figures[], what: keyof Figures): number {
  return median(rounds.map((round) => round[what]))
}
