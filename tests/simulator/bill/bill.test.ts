// Which time of a worker costs money: from the start of its container to its stop, rounded up.
import { expect, test } from 'vitest'
import { simulatedFleet } from '../support/simulated-fleet.ts'

const perSecondUsd = 4 * 0.00116

test('a worker costs from the start of its container to its stop, rounded up to a second', () => {
  const { account, clock, submit } = simulatedFleet(
    { coldMs: 2000, idleTimeoutMs: 5000 },
    'sim-mixtral',
  )
  submit('a', 10)
  clock.run(2000 + 110 + 5000)
  expect(account.bill.spans()).toMatchObject([
    { endpointId: 'sim-mixtral', usdPerSecond: perSecondUsd },
  ])
  const [span] = account.bill.spans()
  expect((span?.stoppedAtMs ?? 0) - (span?.startedAtMs ?? 0)).toBeGreaterThan(7000)
  expect(account.bill.usd()).toBeCloseTo(8 * perSecondUsd, 9)
  clock.run(3_600_000)
  expect(account.bill.usd()).toBeCloseTo(8 * perSecondUsd, 9)
})

test('what still runs costs up to now', () => {
  const { account, clock, submit } = simulatedFleet({}, 'sim-mixtral')
  submit('a', 1)
  clock.run(10_000)
  expect(account.bill.spans()[0]?.stoppedAtMs).toBeNull()
  expect(account.bill.usd('sim-mixtral')).toBeCloseTo(10 * perSecondUsd, 9)
  expect(account.bill.usd('sim-phi')).toBe(0)
})

test('pulling the image, waiting for a GPU and parking cost nothing', () => {
  const span = (ms: number) => ({ medianMs: ms, leastMs: ms, mostMs: ms })
  const { account, clock, endpoint, submit } = simulatedFleet({
    coldStarts: 'mixed',
    flashBootShare: 0,
    throttledShare: 1,
    throttledTime: span(60_000),
    pullTime: span(30_000),
    cachedBootTime: span(10_000),
    idleTimeoutMs: 1000,
    parkedMax: 1,
  })
  submit('a', 1)
  clock.run(59_999)
  expect(endpoint.workers().throttled).toBe(1)
  clock.run(30_000)
  expect([endpoint.workers().initializing, account.bill.usd()]).toEqual([1, 0])
  clock.run(3_600_000)
  expect(endpoint.workerViews()).toMatchObject([{ phase: 'parked', startedAtMs: null }])
  expect(account.bill.usd()).toBeCloseTo(12 * 0.00019, 9)
})

test('every container that crashes is paid for', () => {
  const { account, clock, submit } = simulatedFleet({ crashShare: 1, crashBackoffMs: 10_000 })
  submit('a')
  clock.run(2000 + 10_000 + 2000 + 20_000 + 2000)
  expect([account.bill.starts(), account.bill.usd()]).toEqual([3, 6 * 0.00019])
})
