// One timer for all deadlines of an exchange: it wakes when it must, and is moved as seldom as it can.
import { expect, test } from 'vitest'
import { type Clock, Fault } from '#src/domain/index.ts'
import { Deadline } from '#src/upstreams/exchange/deadline.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const late = (message: string) => () => new Fault('stalled', { message })

function start() {
  const clock = createFakeClock()
  const passed: string[] = []
  let timers = 0
  const counting: Clock = {
    ...clock,
    after(delayMs, callback) {
      timers += 1
      return clock.after(delayMs, callback)
    },
  }
  const deadline = new Deadline(counting, (why) => void passed.push(why().message))
  return { clock, deadline, passed, timers: () => timers }
}

test('a later deadline is kept to its own moment', async () => {
  const { clock, deadline, passed, timers } = start()
  deadline.set(100, late('first'))
  deadline.set(1000, late('second'))
  expect(timers()).toBe(1)
  await clock.advance(999)
  expect(passed).toEqual([])
  await clock.advance(1)
  expect(passed).toEqual(['second'])
})

test('an earlier deadline takes the place of a later one', async () => {
  const { clock, deadline, passed } = start()
  deadline.set(1000, late('first'))
  deadline.set(100, late('second'))
  await clock.advance(100)
  expect(passed).toEqual(['second'])
  await clock.advance(1000)
  expect(passed).toEqual(['second'])
})

test('a deadline that moves with every chunk does not make a timer for each', async () => {
  const { clock, deadline, passed, timers } = start()
  for (let chunk = 0; chunk < 100; chunk += 1) {
    deadline.set(50, late('silent'))
    await clock.advance(10)
  }
  expect(passed).toEqual([])
  expect(timers()).toBeLessThan(30)
  await clock.advance(50)
  expect(passed).toEqual(['silent'])
})

test('one that was cleared never passes', async () => {
  const { clock, deadline, passed } = start()
  deadline.set(100, late('first'))
  deadline.clear()
  await clock.advance(1000)
  expect(passed).toEqual([])
  expect(clock.pending()).toBe(0)
})
