// How many requests the management API has left in each window, and when it refuses one.
import { expect, test } from 'vitest'
import { openQuota } from '#src/simulator/management/quota.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

test('tells what is left of each window, and the policy', () => {
  const quota = openQuota({ minute: 60, hour: 3000, day: 50_000 }, createFakeClock())
  quota.take()
  expect(quota.headers()).toEqual({
    RateLimit: '"minute";r=59;t=60, "hour";r=2999;t=3600, "day";r=49999;t=86400',
    'RateLimit-Policy': '"minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400',
  })
})

test('refuses when one window is used up, until it starts anew', async () => {
  const clock = createFakeClock()
  const quota = openQuota({ minute: 2, hour: 3, day: 50_000 }, clock)
  expect([quota.take(), quota.take(), quota.take()]).toEqual([true, true, false])
  await clock.advance(20_000)
  expect(quota.retryAfterSeconds()).toBe(40)
  await clock.advance(40_000)
  expect([quota.take(), quota.take()]).toEqual([true, false])
  expect(quota.retryAfterSeconds()).toBe(3540)
})
