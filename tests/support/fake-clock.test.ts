// The tests' own fake clock fires timers in order, and lets promises settle between them.
import { expect, test } from 'vitest'
import { createFakeClock } from './fake-clock.ts'

test('fires timers in order of time, then of asking, at their own moment', async () => {
  const clock = createFakeClock(1000)
  const seen: string[] = []
  clock.after(20, () => seen.push(`late ${clock.ticksMs()}`))
  clock.after(10, () => seen.push(`first ${clock.ticksMs()}`))
  clock.after(10, () => seen.push(`second ${clock.nowMs()}`))
  await clock.advance(15)
  expect(seen).toEqual(['first 10', 'second 1010'])
  expect(clock.pending()).toBe(1)
  await clock.advance(5)
  expect(seen).toEqual(['first 10', 'second 1010', 'late 20'])
})

test('a timer that is set by a fired timer’s promise fires within the same advance', async () => {
  const clock = createFakeClock()
  const seen: number[] = []
  const waited = new Promise<void>((resolve) => void clock.after(10, resolve))
  const chained = waited.then(() => clock.after(10, () => seen.push(clock.ticksMs())))
  await clock.advance(30)
  await chained
  expect(seen).toEqual([20])
  expect(clock.ticksMs()).toBe(30)
})

test('a refreshed timer starts anew, a cancelled one is gone for good', async () => {
  const clock = createFakeClock()
  let fired = 0
  const timer = clock.after(10, () => {
    fired += 1
  })
  await clock.advance(9)
  timer.refresh()
  await clock.advance(9)
  expect(fired).toBe(0)
  await clock.advance(1)
  expect(fired).toBe(1)
  timer.cancel()
  timer.refresh()
  expect(clock.pending()).toBe(0)
})
