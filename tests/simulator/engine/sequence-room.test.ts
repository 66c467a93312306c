// Engines share one bound on their sequences: how many run and wait, also when the bound is
// changed.
import { expect, test } from 'vitest'
import { type Batch, startBatch } from '#src/simulator/engine/batch.ts'
import { openSequenceRoom, type SequenceRoom } from '#src/simulator/engine/sequence-room.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

const timing = { stepMs: 10, stepPerSequenceMs: 0, prefillMsPer1k: 0 }

/** So many engines that share a room. */
function engines(seqsMax: number, howMany = 1, kvTokens = 0) {
  const clock = createFakeClock()
  const room = openSequenceRoom(seqsMax)
  const batches = Array.from({ length: howMany }, () =>
    startBatch(timing, { speed: 1, room, kvTokens }, clock),
  )
  return { clock, room, batches }
}

function add(batch: Batch | undefined, sequences: number, steps = 10): () => void {
  if (batch === undefined) throw new Error('there is no such engine')
  return batch.add({ promptTokens: 1, sequences, steps, onStep() {} })
}

const now = (room: SequenceRoom) => [room.counts().running, room.counts().waiting]
const peaks = ({ counts }: SequenceRoom) => {
  const { runningPeak, heldPeak, sharedPeak } = counts()
  return { runningPeak, heldPeak, sharedPeak }
}

test('sequences that run and wait are counted over all engines, and leave nothing', async () => {
  const { clock, room, batches } = engines(4, 2)
  for (const batch of batches) {
    add(batch, 3)
    add(batch, 2)
  }
  await clock.advance(1)
  expect(now(room)).toEqual([6, 4])
  await clock.advance(10_000)
  expect(now(room)).toEqual([0, 0])
  expect(peaks(room)).toEqual({ runningPeak: 6, heldPeak: 10, sharedPeak: 10 })
})

test('one call that is alone is no sharing, however large it is', async () => {
  const { clock, room, batches } = engines(4)
  add(batches[0], 64)
  await clock.advance(1000)
  expect(peaks(room)).toEqual({ runningPeak: 64, heldPeak: 64, sharedPeak: 0 })
  add(batches[0], 2)
  add(batches[0], 1)
  await clock.advance(1000)
  expect(peaks(room)).toEqual({ runningPeak: 64, heldPeak: 64, sharedPeak: 3 })
})

test('made smaller, what runs goes on and new ones wait until there is room', async () => {
  const { clock, room, batches } = engines(8)
  add(batches[0], 4, 20)
  add(batches[0], 4, 40)
  await clock.advance(50)
  room.resize(4)
  add(batches[0], 2)
  await clock.advance(100)
  expect(now(room)).toEqual([8, 2])
  await clock.advance(60)
  expect(now(room)).toEqual([4, 2])
  await clock.advance(250)
  expect(now(room)).toEqual([2, 0])
})

test('made larger, what waits begins with the next step', async () => {
  const { clock, room, batches } = engines(1)
  for (let call = 0; call < 4; call += 1) add(batches[0], 1, 1000)
  await clock.advance(50)
  expect(now(room)).toEqual([1, 3])
  room.resize(3)
  await clock.advance(10)
  expect(now(room)).toEqual([3, 1])
})

test('what is stopped, preempted or closed is counted once', async () => {
  const { clock, room, batches } = engines(8, 1, 320)
  const [batch] = batches
  const stops = [add(batch, 1, 250), add(batch, 1, 250), add(batch, 9, 5)]
  await clock.advance(2000)
  expect(now(room)).toEqual([1, 10])
  stops[1]?.()
  stops[1]?.()
  expect(now(room)).toEqual([1, 9])
  batch?.close()
  stops[0]?.()
  expect(now(room)).toEqual([0, 0])
})
