// The engine has no room left for the keys and values of tokens: which calls wait, and which give
// up their place and read their prompt again.
import { expect, test } from 'vitest'
import { startBatch } from '#src/simulator/engine/batch.ts'
import { openSequenceRoom } from '#src/simulator/engine/sequence-room.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

const timing = { stepMs: 10, stepPerSequenceMs: 0, prefillMsPer1k: 1000 }

function started(kvTokens: number) {
  const clock = createFakeClock()
  let preemptions = 0
  const watch = {
    stepped() {},
    preempted() {
      preemptions += 1
    },
    ended() {},
  }
  const batch = startBatch(timing, { speed: 1, room: openSequenceRoom(8), kvTokens }, clock, watch)
  const add = (promptTokens: number, steps: number, sequences = 1) => {
    const moments: number[] = []
    const onStep = () => void moments.push(clock.ticksMs())
    const stop = batch.add({ promptTokens, sequences, steps, onStep })
    return { moments, stop }
  }
  return { clock, batch, add, preemptions: () => preemptions }
}

test('a prompt that does not fit beside the others waits for its room', async () => {
  const { clock, batch, add } = started(304)
  const first = add(160, 50)
  const second = add(160, 5)
  await clock.advance(200)
  expect(batch.load()).toEqual({ running: 1, waiting: 1 })
  await clock.advance(5000)
  expect(second.moments[0]).toBeGreaterThan(first.moments[49] ?? 0)
})

test('when the room is out, the last to come gives up its place and reads all anew', async () => {
  const { clock, batch, add, preemptions } = started(160)
  const first = add(32, 100)
  const second = add(32, 100)
  await clock.advance(600)
  expect([preemptions(), batch.load()]).toEqual([1, { running: 1, waiting: 1 }])
  const before = second.moments.length
  await clock.advance(20_000)
  expect(first.moments).toHaveLength(100)
  expect(second.moments).toHaveLength(100)
  const [lastOfFirst = 0] = first.moments.slice(-1)
  // It waits until the first has gone, then 32 tokens and what it had said are read at 1 ms each.
  expect(second.moments[before]).toBeCloseTo(lastOfFirst + 10 + 32 + before, 0)
})

test('the first to come is never held up by the last', async () => {
  const { clock, add } = started(160)
  const first = add(32, 100)
  add(32, 100)
  await clock.advance(5000)
  const gaps = first.moments.slice(1).map((moment, at) => moment - (first.moments[at] ?? 0))
  expect(Math.max(...gaps.slice(1))).toBeCloseTo(10)
})

test('several sequences share their prompt, and each holds its own tokens', async () => {
  const { clock, batch, add } = started(320)
  add(160, 3, 4)
  await clock.advance(185)
  // 160 tokens of the prompt, and a block of sixteen for each of the four.
  expect(batch.kvUsedShare()).toBeCloseTo((160 + 64) / 320)
})

test('what ends or is stopped gives its room back', async () => {
  const { clock, batch, add } = started(320)
  add(160, 3)
  const long = add(32, 500)
  await clock.advance(1000)
  expect(batch.kvUsedShare()).toBeLessThan(0.6)
  long.stop()
  expect(batch.kvUsedShare()).toBe(0)
})

test('a call that is alone may hold more than there is', async () => {
  const { clock, add, preemptions } = started(160)
  const alone = add(64, 400)
  await clock.advance(10_000)
  expect([alone.moments.length, preemptions()]).toEqual([400, 0])
})
