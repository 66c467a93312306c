// The simulator's manual clock stands still until it is moved. Then it calls back in order of
// time, and of asking where the time is the same.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openManualClock } from '#src/simulator/clock/manual-clock.ts'

test('stands still until it is moved, and tells both times', () => {
  const clock = openManualClock(1000)
  expect([clock.nowMs(), clock.ticksMs()]).toEqual([1000, 0])
  clock.run(250.5)
  expect([clock.nowMs(), clock.ticksMs()]).toEqual([1250, 250.5])
})

test('calls back at the moment that was asked for, also what a callback asks for', () => {
  const clock = openManualClock(0)
  const seen: number[] = []
  clock.after(100, () => {
    seen.push(clock.ticksMs())
    clock.after(50, () => seen.push(clock.ticksMs()))
  })
  clock.run(149)
  expect(seen).toEqual([100])
  clock.run(1)
  expect(seen).toEqual([100, 150])
})

test('a cancelled timer is never called, a refreshed one begins anew', () => {
  const clock = openManualClock(0)
  const seen: string[] = []
  const cancelled = clock.after(10, () => seen.push('cancelled'))
  const refreshed = clock.after(10, () => seen.push('refreshed'))
  clock.run(5)
  cancelled.cancel()
  cancelled.refresh()
  refreshed.refresh()
  clock.run(9)
  expect(seen).toEqual([])
  clock.run(1)
  expect(seen).toEqual(['refreshed'])
})

test('lets promises and sockets have their turn between two moments', async () => {
  const clock = openManualClock(0)
  const seen: string[] = []
  clock.after(10, () => void Promise.resolve().then(() => seen.push('promise')))
  clock.after(20, () => seen.push('timer'))
  await clock.advance(30)
  expect(seen).toEqual(['promise', 'timer'])
})

test('advances that are asked for together come one after the other', async () => {
  const clock = openManualClock(0)
  await Promise.all([clock.advance(10), clock.advance(20)])
  expect(clock.ticksMs()).toBe(30)
})

test('tells the length of every step before anything changes', () => {
  const clock = openManualClock(0)
  const steps: number[] = []
  clock.onStep((ms) => steps.push(ms))
  clock.after(10, () => {})
  clock.after(10, () => {})
  clock.after(25, () => {})
  clock.run(30)
  expect(steps).toEqual([10, 15, 5])
})

test('whatever is asked, cancelled and refreshed, callbacks come in order of time and of asking', () => {
  const timer = fc.record({
    delayMs: fc.integer({ min: 0, max: 20 }),
    fate: fc.constantFrom('stay', 'cancel', 'refresh'),
  })
  fc.assert(
    fc.property(fc.array(timer, { maxLength: 40 }), (wanted) => {
      const clock = openManualClock(0)
      const seen: { dueMs: number; order: number }[] = []
      let order = 0
      const expected: { dueMs: number; order: number }[] = []
      const timers = wanted.map(({ delayMs, fate }) => {
        order += 1
        const entry = { dueMs: delayMs, order }
        if (fate !== 'cancel') expected.push(entry)
        return { entry, fate, timer: clock.after(delayMs, () => seen.push(entry)) }
      })
      for (const { entry, fate, timer } of timers) {
        if (fate === 'cancel') timer.cancel()
        if (fate === 'refresh') {
          order += 1
          entry.order = order
          timer.refresh()
        }
      }
      clock.run(20)
      const sorted = expected.toSorted(
        (one, other) => one.dueMs - other.dueMs || one.order - other.order,
      )
      expect(seen).toEqual(sorted)
    }),
  )
})
