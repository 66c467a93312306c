// How many calls of each operation an endpoint takes in ten seconds, and how many at once.
import { describe, expect, test } from 'vitest'
import { openRateLimits } from '#src/simulator/edge/rate-limits.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { runSimulator } from '../support/running.ts'

function limits(options: object = {}) {
  const clock = createFakeClock()
  const set = { rateLimits: true, rateLimitPerWorker: 0, ...options }
  return { clock, limits: openRateLimits(set, clock) }
}

/** How many calls pass, each leaving before the next comes. */
function passing(of: ReturnType<typeof limits>['limits'], operation: string, workers = 0): number {
  let passed = 0
  for (; passed < 10_000; passed += 1) {
    const leave = of.enter(operation, workers)
    if (leave === null) return passed
    leave()
  }
  return passed
}

test.each([
  ['runsync', 2000],
  ['run', 1000],
  ['status', 2000],
  ['stream', 2000],
  ['openai', 2000],
  ['cancel', 100],
  ['purge-queue', 2],
  ['requests', 10],
  ['health', 10_000],
])('in ten seconds %s may be asked for %i times', async (operation, times) => {
  const { clock, limits: of } = limits()
  expect(passing(of, operation)).toBe(times)
  await clock.advance(9999)
  expect(passing(of, operation)).toBe(times === 10_000 ? times : 0)
  await clock.advance(1)
  expect(passing(of, operation)).toBe(times)
})

test.each([
  ['runsync', 400],
  ['run', 200],
  ['status', 400],
  ['cancel', 20],
  ['requests', 2],
])('of %s, %i are served at the same time', (operation, places) => {
  const { limits: of } = limits()
  const leaves = Array.from({ length: places }, () => of.enter(operation, 0))
  expect(leaves).not.toContain(null)
  expect(of.enter(operation, 0)).toBeNull()
  leaves[0]?.()
  expect(of.enter(operation, 0)).not.toBeNull()
})

test('an operation does not take from another, but status-sync does from status', () => {
  const { limits: of } = limits()
  expect(passing(of, 'cancel')).toBe(100)
  expect(passing(of, 'run')).toBe(1000)
  expect(passing(of, 'status-sync')).toBe(2000)
  expect(passing(of, 'status')).toBe(0)
})

test('the limits grow with the workers, once those are worth more than the base', () => {
  const { limits: of } = limits({ rateLimitPerWorker: 60 })
  expect(passing(of, 'cancel', 1)).toBe(100)
  expect(passing(of, 'cancel', 2)).toBe(20)
})

test('unless they are asked for there are none', () => {
  const { limits: of } = limits({ rateLimits: false })
  expect(passing(of, 'purge-queue')).toBe(10_000)
})

describe('at the door', () => {
  const simulator = runSimulator({ rateLimits: true }, createFakeClock())

  test('what is too much is refused, per endpoint', async () => {
    const purge = async (endpoint: string) => {
      return (await simulator.call(`/v2/${endpoint}/purge-queue`, {})).status
    }
    expect([await purge('sim-phi'), await purge('sim-phi')]).toEqual([200, 200])
    const refused = await simulator.call('/v2/sim-phi/purge-queue', {})
    expect([refused.status, await refused.json()]).toEqual([429, { error: 'too many requests' }])
    expect(await purge('sim-qwen')).toBe(200)
  })

  test('a call that has ended gives its place back', async () => {
    const asked = async () => (await simulator.call('/v2/sim-phi/requests')).status
    for (let times = 0; times < 10; times += 1) expect(await asked()).toBe(200)
    expect(await asked()).toBe(429)
  })
})
