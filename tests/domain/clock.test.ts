// The system's clock, where its timers have ways of their own.
import { expect, test } from 'vitest'
import { systemClock } from '#src/domain/index.ts'

test('a delay beyond what timers can count does not pass at once', async () => {
  let isOver = false
  const timer = systemClock.after(2 ** 40, () => {
    isOver = true
  })
  // Node takes such a delay for a millisecond: it would pass before this one.
  await new Promise<void>((resolve) => systemClock.after(1, resolve))
  expect(isOver).toBe(false)
  timer.cancel()
})
