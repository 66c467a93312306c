// At which moments the tokens of a batch come. One test compares the engine with a published
// measurement of Mixtral.
import { expect, test } from 'vitest'
import { type Batch, startBatch } from '#src/simulator/engine/batch.ts'
import { openSequenceRoom, type SequenceRoom } from '#src/simulator/engine/sequence-room.ts'
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts'

const timing = { stepMs: 10, stepPerSequenceMs: 1, prefillMsPer1k: 100 }

interface Started {
  batch: Batch
  clock: FakeClock
  room: SequenceRoom
}

function started({ seqsMax = 8, speed = 1 } = {}): Started {
  const clock = createFakeClock()
  const room = openSequenceRoom(seqsMax)
  return { clock, room, batch: startBatch(timing, { speed, room }, clock) }
}

/** Adds a generation and gives back the moments at which its tokens came. */
function watched(batch: Batch, clock: FakeClock, promptTokens: number, steps: number): number[] {
  const moments: number[] = []
  const onStep = () => void moments.push(clock.ticksMs())
  batch.add({ promptTokens, sequences: 1, steps, onStep })
  return moments
}

test('the first token comes when the prompt was read, the others one step apart', async () => {
  const { batch, clock } = started()
  const moments = watched(batch, clock, 1000, 4)
  await clock.advance(1000)
  expect(moments).toEqual([110, 121, 132, 143])
})

test('each sequence beside it makes a step longer', async () => {
  const { batch, clock } = started()
  const all = [0, 1, 2, 3].map(() => watched(batch, clock, 1, 9))
  await clock.advance(2000)
  for (const moments of all) {
    expect((moments[5] ?? 0) - (moments[4] ?? 0)).toBeCloseTo(14)
  }
})

test('a prompt that is read holds up the streams that run', async () => {
  const { batch, clock } = started()
  const first = watched(batch, clock, 1, 30)
  await clock.advance(30)
  watched(batch, clock, 2000, 1)
  await clock.advance(1000)
  const gaps = first.slice(1).map((moment, at) => moment - (first[at] ?? 0))
  expect(Math.max(...gaps)).toBeCloseTo(211)
  expect(Math.min(...gaps)).toBeCloseTo(11)
})

test('a long prompt is read in pieces, with tokens of others in between', async () => {
  const { batch, clock } = started()
  const first = watched(batch, clock, 1, 100)
  await clock.advance(30)
  const second = watched(batch, clock, 6000, 1)
  await clock.advance(3000)
  const [arrival = 0] = second
  expect(first.filter((moment) => moment > 30 && moment < arrival).length).toBeGreaterThan(2)
})

test('sequences beyond the most wait for their turn, in order', async () => {
  const { batch, clock } = started({ seqsMax: 1 })
  const first = watched(batch, clock, 1, 5)
  const second = watched(batch, clock, 1, 5)
  expect(batch.load()).toEqual({ running: 1, waiting: 1 })
  await clock.advance(1000)
  expect(second[0]).toBeGreaterThan(first[4] ?? 0)
})

test('taken out, a generation makes no more tokens and leaves the others their speed', async () => {
  const { batch, clock } = started()
  let tokens = 0
  const onStep = () => {
    tokens += 1
  }
  const stop = batch.add({ promptTokens: 1, sequences: 1, steps: 1000, onStep })
  await clock.advance(100)
  stop()
  const before = tokens
  await clock.advance(1000)
  expect([tokens, batch.load().running]).toEqual([before, 0])
})

test('speed divides every time', async () => {
  const { batch, clock } = started({ speed: 10 })
  const moments = watched(batch, clock, 1000, 2)
  await clock.advance(100)
  expect(moments).toEqual([11, 12.1])
})

test('an engine without work sets no timer', async () => {
  const { batch, clock } = started()
  watched(batch, clock, 1, 3)
  await clock.advance(1000)
  expect(clock.pending()).toBe(0)
})

test('the published sweep of Mixtral on 4 H100s is met within a quarter', async () => {
  // 1,000 tokens in, 50 out, at so many requests a second: milliseconds per output token.
  const sweep = [
    [1, 14.4],
    [2, 17.1],
    [4, 28.7],
  ] as const
  for (const [perSecond, measuredMs] of sweep) {
    const clock = createFakeClock()
    const mixtral = { stepMs: 13.3, stepPerSequenceMs: 0.7, prefillMsPer1k: 80 }
    const batch = startBatch(mixtral, { speed: 1, room: openSequenceRoom(256) }, clock)
    const all: number[][] = []
    for (let call = 0; call < 12 * perSecond; call += 1) {
      all.push(watched(batch, clock, 1000, 50))
      await clock.advance(1000 / perSecond)
    }
    await clock.advance(20_000)
    const perToken = all.map((moments) => ((moments[49] ?? 0) - (moments[0] ?? 0)) / 49)
    const meanMs = perToken.reduce((sum, one) => sum + one, 0) / perToken.length
    expect(meanMs / measuredMs).toBeGreaterThan(0.75)
    expect(meanMs / measuredMs).toBeLessThan(1.25)
  }
})
