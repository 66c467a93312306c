// When the scaler starts workers, by REQUEST_COUNT and by QUEUE_DELAY.
import { describe, expect, test } from 'vitest'
import { simulatedFleet } from '../support/simulated-fleet.ts'

describe('by REQUEST_COUNT', () => {
  test('there is a worker for so many jobs, waiting or running', () => {
    const { endpoint, submit } = simulatedFleet({ requestCount: 2, workersMax: 5 })
    for (const name of ['a', 'b']) submit(name)
    expect(endpoint.workers().initializing).toBe(1)
    submit('c')
    expect(endpoint.workers().initializing).toBe(2)
  })

  test('the scaler looks at its ticks, and not in between', () => {
    const { clock, endpoint, submit } = simulatedFleet({ scalerTickMs: 1500 })
    submit('a')
    clock.run(1499)
    expect(endpoint.workerViews()).toEqual([])
    clock.run(1)
    expect(endpoint.workers().initializing).toBe(1)
  })
})

describe('by QUEUE_DELAY', () => {
  const delay = { scaler: 'QUEUE_DELAY', queueDelayMs: 4000, coldMs: 60_000 } as const

  test('a job that waited too long starts a worker, and another for every further such wait', () => {
    const { clock, endpoint, submit } = simulatedFleet({ ...delay, workersMax: 2 })
    submit('a')
    clock.run(3999)
    expect(endpoint.workers().initializing).toBe(0)
    clock.run(1)
    expect(endpoint.workers().initializing).toBe(1)
    clock.run(4000)
    expect(endpoint.workers().initializing).toBe(2)
    clock.run(20_000)
    expect(endpoint.workers().initializing).toBe(2)
  })

  test('a job that left in time starts none', () => {
    const { clock, endpoint, submit } = simulatedFleet(delay)
    const leave = submit('a')
    clock.run(3000)
    leave?.()
    clock.run(60_000)
    expect(endpoint.workerViews()).toEqual([])
  })
})

test.each(['REQUEST_COUNT', 'QUEUE_DELAY'] as const)(
  'by %s jobs of low priority start no worker, but are done by one that is there',
  (scaler) => {
    const { clock, endpoint, story, submit } = simulatedFleet({ scaler, queueDelayMs: 500 })
    submit('patient', 10, { lowPriority: true })
    clock.run(3_600_000)
    submit('meek', 20, { lowPriority: true })
    expect(endpoint.workerViews()).toEqual([])
    submit('urgent', 30)
    clock.run(3000)
    expect(story.slice(0, 3)).toEqual(['patient started', 'meek started', 'urgent started'])
    expect(story.slice(3)).toEqual(['patient done', 'meek done', 'urgent done'])
  },
)

test.each([0, 1500])(
  'workers that are always up start with the endpoint and never stop (ticks of %i ms)',
  (scalerTickMs) => {
    const { clock, endpoint, submit } = simulatedFleet({
      workersMin: 1,
      idleTimeoutMs: 1000,
      scalerTickMs,
    })
    clock.run(scalerTickMs + 2000)
    expect(endpoint.workers()).toMatchObject({ idle: 1, ready: 1 })
    submit('a')
    clock.run(3_600_000)
    expect(endpoint.workers().idle).toBe(1)
  },
)

test('without a job for days the platform lowers the most workers, until they are set anew', () => {
  const dayMs = 86_400_000
  const { clock, endpoint, story, submit } = simulatedFleet({
    lowersMax: true,
    slotsPerWorker: 1,
    workersMax: 3,
    coldMs: 0,
  })
  const burst = () => {
    for (const name of ['a', 'b', 'c']) submit(name, 1000)
    clock.run(1)
    return endpoint.workers().running
  }
  clock.run(2.9 * dayMs)
  expect(burst()).toBe(3)
  clock.run(3 * dayMs + 60_000)
  expect(burst()).toBe(2)
  clock.run(7 * dayMs + 120_000)
  story.length = 0
  submit('late')
  clock.run(3_600_000)
  expect([story, endpoint.workerViews()]).toEqual([[], []])
  endpoint.change(endpoint.model, false)
  clock.run(1)
  expect(story).toEqual(['late started'])
})
