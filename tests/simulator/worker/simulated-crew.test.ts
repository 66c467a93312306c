// The life of simulated workers, on a clock that is moved by hand and without sockets: starts,
// parking, crashes, lost hosts and releases, and which worker takes which job.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { faultPlan } from '#src/simulator/control/faults.ts'
import { kindsOf, simulatedFleet } from '../support/simulated-fleet.ts'

const span = (ms: number) => ({ medianMs: ms, leastMs: ms, mostMs: ms })
/** Starts of ten seconds each, drawn and not fixed. */
const mixed = { coldStarts: 'mixed', flashBootShare: 0, cachedBootTime: span(10_000) } as const

describe('a start', () => {
  test('goes through the phases of a container, a load and a warm-up', () => {
    const { clock, endpoint, events, submit } = simulatedFleet({ coldMs: 10_000 })
    submit('a', 100)
    const phases: string[] = []
    for (const ms of [500, 1000, 6000, 3000, 5000]) {
      clock.run(ms)
      phases.push(endpoint.workerViews()[0]?.phase ?? 'none')
    }
    expect(phases).toEqual(['start', 'load', 'warm-up', 'running', 'idle'])
    expect(kindsOf(events)).toEqual(['create', 'start', 'load', 'ready'])
    clock.run(60_000)
    expect(kindsOf(events).slice(4)).toEqual(['stop', 'remove'])
  })

  test('is a draw from FlashBoot and cold starts, the same for the same seed', () => {
    const starts = (seed: number) => {
      const drawn: number[] = []
      const { clock, events, submit } = simulatedFleet({
        seed,
        coldStarts: 'mixed',
        idleTimeoutMs: 1000,
      })
      for (let at = 0; at < 200; at += 1) {
        submit(`job ${at}`, 1)
        clock.run(600_000)
      }
      for (const [at, { what, ticksMs }] of events.entries()) {
        const started = events.slice(0, at).findLast((event) => event.what === 'start')
        if (what === 'ready') drawn.push(ticksMs - (started?.ticksMs ?? 0))
      }
      return drawn
    }
    const drawn = starts(7)
    const quick = drawn.filter((ms) => ms <= 10_000).length
    const slow = drawn.filter((ms) => ms >= 60_000 && ms <= 300_000).length
    expect([drawn.length, quick + slow]).toEqual([200, 200])
    expect(quick).toBeGreaterThan(70)
    expect(slow).toBeGreaterThan(70)
    expect(starts(7)).toEqual(drawn)
    expect(starts(8)).not.toEqual(drawn)
  })

  test('that takes too long is given up and begun anew', () => {
    const { clock, events, endpoint, submit } = simulatedFleet({
      ...mixed,
      cachedBootTime: span(500_000),
      bootLimitMs: 420_000,
    })
    submit('a')
    clock.run(420_000)
    expect(kindsOf(events)).toEqual(['create', 'start', 'load', 'stop', 'create', 'start'])
    expect(endpoint.workers().initializing).toBe(1)
  })

  test('that finds no GPU is throttled first', () => {
    const { clock, endpoint, story, submit } = simulatedFleet({
      throttledShare: 1,
      throttledTime: span(300_000),
    })
    submit('a')
    clock.run(299_999)
    expect(endpoint.workers()).toMatchObject({ throttled: 1, initializing: 0 })
    clock.run(1)
    expect(endpoint.workers()).toMatchObject({ throttled: 0, initializing: 1 })
    clock.run(2000)
    expect(story).toEqual(['a started'])
  })

  test('that crashes makes an unhealthy worker, tried again at growing distances', () => {
    const { clock, endpoint, events, story, submit } = simulatedFleet({
      crashShare: 1,
      crashBackoffMs: 10_000,
      workersMax: 1,
    })
    submit('a')
    clock.run(2000)
    expect(endpoint.workers()).toMatchObject({ unhealthy: 1, initializing: 0 })
    const startedMs = () =>
      events.filter(({ what }) => what === 'start').map(({ ticksMs }) => ticksMs)
    clock.run(80_000)
    expect(startedMs()).toEqual([0, 12_000, 34_000, 76_000])
    expect([story, endpoint.load().queued]).toEqual([[], 1])
  })

  test('that crashes for seven days is the last of its worker', () => {
    const { clock, events, submit } = simulatedFleet({ crashShare: 1, workersMax: 1 })
    submit('a')
    const first = events[0]?.workerId
    clock.run(7.1 * 86_400_000)
    const removed = events.filter(({ what }) => what === 'remove')
    expect(removed.map(({ workerId }) => workerId)).toEqual([first])
  })
})

describe('parked workers', () => {
  test('look idle and ready, and are the first to be started again', () => {
    const { clock, endpoint, events, submit } = simulatedFleet({
      parkedMax: 1,
      idleTimeoutMs: 1000,
    })
    submit('a')
    clock.run(5000)
    expect(endpoint.workers()).toMatchObject({ idle: 1, ready: 1, running: 0, initializing: 0 })
    const [parked] = endpoint.workerViews()
    expect(parked?.phase).toBe('parked')
    submit('b')
    expect(endpoint.workers()).toMatchObject({ idle: 0, initializing: 1 })
    clock.run(2000)
    expect(endpoint.workerViews()).toMatchObject([{ id: parked?.id, phase: 'running' }])
    expect(kindsOf(events)).not.toContain('remove')
  })

  test('are started again for a job that came just before and was not asked for yet', () => {
    const { clock, story, submit } = simulatedFleet({
      parkedMax: 1,
      workersMax: 1,
      slotsPerWorker: 1,
      idleTimeoutMs: 900,
      sdkPolling: true,
      coldMs: 0,
    })
    submit('a', 1)
    clock.run(20)
    submit('b', 1)
    clock.run(60_000)
    expect(story).toEqual(['a started', 'a done', 'b started', 'b done'])
  })

  test('are no more than they may be', () => {
    const { clock, endpoint, submit } = simulatedFleet({
      parkedMax: 1,
      requestCount: 1,
      idleTimeoutMs: 1000,
    })
    for (const name of ['a', 'b', 'c']) submit(name)
    clock.run(10_000)
    expect(endpoint.workerViews().map(({ phase }) => phase)).toEqual(['parked'])
  })
})

describe('taking jobs', () => {
  test('the first worker that is free takes all it can', () => {
    const { clock, endpoint, submit } = simulatedFleet({ requestCount: 5, coldMs: 1000 })
    for (let at = 0; at < 35; at += 1) submit(`job ${at}`, 1000)
    clock.run(1000)
    expect(endpoint.workerViews().map(({ jobs }) => jobs)).toEqual([30, 5, 0])
  })

  test('as the SDK polls, a job just taken counts twice until the question is answered', () => {
    const { clock, endpoint, submit } = simulatedFleet({
      sdkPolling: true,
      workersMax: 1,
      coldMs: 0,
    })
    submit('first', 100_000)
    clock.run(1)
    for (let at = 0; at < 40; at += 1) submit(`job ${at}`, 100_000)
    // It asked for 28 with one in hand, took 28, and rests before it sees that one place is left.
    expect(endpoint.load().running).toBe(29)
    clock.run(1000)
    expect(endpoint.load().running).toBe(30)
  })

  test('taking a job takes time, for all that wait by then together', () => {
    const { clock, story, submit } = simulatedFleet({ takeTime: span(200), coldMs: 1000 })
    submit('a', 1000)
    clock.run(1100)
    submit('b', 1000)
    expect(story).toEqual([])
    clock.run(100)
    expect(story).toEqual(['a started', 'b started'])
  })
})

describe('a worker whose host is gone', () => {
  const settings = { lostAfterMs: 40_000, coldMs: 1000, workersMax: 1 }

  test('is missed after a while, and its jobs begin anew elsewhere, in their old order', () => {
    const { clock, endpoint, fleet, story, submit } = simulatedFleet(settings)
    for (const name of ['a', 'b']) submit(name, 1000)
    clock.run(2000)
    expect(fleet.lose(null)).toBe(true)
    submit('c', 1000)
    story.length = 0
    clock.run(39_999)
    expect([story, endpoint.load().running]).toEqual([[], 2])
    clock.run(1)
    expect(story).toEqual(['b requeued', 'a requeued'])
    clock.run(1000)
    expect(story.slice(2)).toEqual(['a started', 'b started', 'c started'])
    clock.run(20_000)
    expect(endpoint.counters).toMatchObject({ completed: 3, failed: 0, retried: 2 })
  })

  test('fails its job when that happens a second time', () => {
    const { clock, endpoint, fleet, story, submit } = simulatedFleet(settings)
    submit('a', 1000)
    clock.run(2000)
    fleet.lose(null)
    clock.run(42_000)
    fleet.lose(endpoint.workerViews()[0]?.id ?? '')
    clock.run(40_000)
    expect(story).toEqual([
      'a started',
      'a requeued',
      'a started',
      'a failed: job timed out after 1 retries',
    ])
    expect(endpoint.counters).toMatchObject({ failed: 1, retried: 1 })
  })

  test('costs nothing from then on', () => {
    const { account, clock, fleet, submit } = simulatedFleet(settings)
    submit('a', 100)
    clock.run(2000)
    fleet.lose(null)
    const usd = account.bill.usd()
    clock.run(30_000)
    expect([account.bill.usd(), fleet.nanoUsdPerSecond()]).toEqual([usd, 0])
  })

  test('is none where no worker runs', () => {
    const { fleet } = simulatedFleet()
    expect([fleet.lose(null), fleet.killEngine('nope')]).toEqual([false, false])
  })
})

test('an empty input is rejected at each take, until the platform gives up on the job', () => {
  const { clock, story, submit } = simulatedFleet({ lostAfterMs: 40_000, coldMs: 0 })
  submit('poison', 1, { input: {} })
  clock.run(39_999)
  expect(story).toEqual(['poison started'])
  clock.run(40_001)
  expect(story).toEqual([
    'poison started',
    'poison requeued',
    'poison started',
    'poison failed: job timed out after 1 retries',
  ])
})

describe('a release', () => {
  test('stops idle workers at once and busy ones when they are done', () => {
    const { clock, endpoint, events, story, submit } = simulatedFleet({
      requestCount: 1,
      slotsPerWorker: 1,
      workersMax: 2,
    })
    submit('short', 1)
    submit('long', 1000)
    clock.run(3000)
    expect(endpoint.workers()).toMatchObject({ idle: 1, running: 1 })
    const releases = () => endpoint.workerViews().map(({ release }) => release)
    expect(releases()).toEqual([1, 1])
    endpoint.change(endpoint.model, true)
    expect(releases()).toEqual([1, 2])
    submit('next', 1)
    clock.run(12_000)
    expect(releases()).toEqual([2, 2])
    expect(story.slice(2)).toEqual(['short done', 'next started', 'next done', 'long done'])
    expect(events.filter(({ what }) => what === 'remove')).toHaveLength(2)
  })

  test('of fewer workers dismisses idle ones', () => {
    const { clock, endpoint, submit } = simulatedFleet({ requestCount: 1, workersMax: 3 })
    for (const name of ['a', 'b', 'c']) submit(name, 1)
    clock.run(3000)
    expect(endpoint.workers().idle).toBe(3)
    endpoint.change({ ...endpoint.model, fleet: { workersMax: 1 } }, false)
    expect(endpoint.workers().idle).toBe(1)
  })
})

test('the same seed gives workers the same ids', () => {
  const ids = (seed: number) => {
    const { endpoint, submit } = simulatedFleet({ seed, requestCount: 1 })
    for (const name of ['a', 'b']) submit(name)
    return endpoint.workerViews().map(({ id }) => id)
  }
  expect(ids(1)).toEqual(ids(1))
  expect(ids(1)).not.toEqual(ids(2))
  expect(ids(1)[0]).toMatch(/^[0-9a-z]{14}$/)
})

test.each(['openai-chat-stream', 'burst-of-8'])(
  'polls like the worker of the recording %s: asks for as many after what it was given',
  (name) => {
    const file = new URL(`../../golden/recordings/worker/${name}.json`, import.meta.url)
    const { worker } = JSON.parse(readFileSync(file, 'utf8')) as Recording
    const given = worker.find((entry) => entry[1] === 'given')?.[2]
    const asked = worker.find((entry) => entry[1] === 'take')?.[2]
    if (!Array.isArray(given) || asked === undefined || !('query' in asked)) throw new Error(name)
    const { clock, endpoint, submit } = simulatedFleet({
      sdkPolling: true,
      takeTime: span(100),
      workersMax: 1,
    })
    for (const job of given) submit(job, 100_000)
    clock.run(2100)
    for (let at = 0; at < 40; at += 1) submit(`more ${at}`, 100_000)
    clock.run(100)
    expect(endpoint.load().running - given.length).toBe(Number(asked.query.batch_size))
  },
)

interface Recording {
  worker: [ms: number, what: string, detail: string[] | { query: { batch_size: string } }][]
}

describe('the time that a job may run', () => {
  test('is its own where it has one', () => {
    const { clock, story, submit } = simulatedFleet({ coldMs: 0 })
    submit('a', 10_000, { executionTimeoutMs: 5000 })
    clock.run(4999)
    expect(story).toEqual(['a started'])
    clock.run(1)
    expect(story).toEqual(['a started', 'a failed: executionTimeout exceeded'])
  })

  test('begins anew with another worker, and does not run while it waits for one', () => {
    const { clock, fleet, story, submit } = simulatedFleet({
      executionTimeoutMs: 30_000,
      lostAfterMs: 10_000,
      coldMs: 20_000,
      workersMax: 1,
    })
    submit('a', 2500)
    clock.run(25_000)
    fleet.lose(null)
    clock.run(60_000)
    expect(story).toEqual(['a started', 'a requeued', 'a started', 'a done'])
  })
})

test('a job that was cancelled while its worker was lost is given to nobody', () => {
  const faults = faultPlan(['ignore-stop'])
  const { clock, endpoint, fleet, story, submit } = simulatedFleet({ lostAfterMs: 40_000 })
  const leave = submit('a', 1000, { faults })
  clock.run(3000)
  leave?.()
  fleet.lose(null)
  clock.run(40_000)
  expect([story, endpoint.load()]).toEqual([['a started'], { queued: 0, running: 0 }])
  expect(endpoint.workerViews()).toEqual([])
})

test('a lost worker is missed although its last job was cancelled', () => {
  const { clock, endpoint, fleet, submit } = simulatedFleet({ lostAfterMs: 40_000, workersMax: 1 })
  const leave = submit('a', 1000)
  clock.run(3000)
  fleet.lose(null)
  leave?.()
  clock.run(40_000)
  expect(endpoint.workerViews()).toEqual([])
})

test('a good start makes up for all crashes before it', () => {
  const { account, clock, endpoint, events, submit } = simulatedFleet({
    workersMax: 1,
    parkedMax: 1,
    idleTimeoutMs: 1000,
    crashBackoffMs: 10_000,
  })
  for (const name of ['a', 'b']) {
    account.rules.add({ match: {}, fault: 'boot-crash', times: 1 })
    submit(name, 1)
    clock.run(8 * 86_400_000)
  }
  const startsMs = events.filter(({ what }) => what === 'start').map(({ ticksMs }) => ticksMs)
  expect(startsMs).toEqual([0, 12_000, 8 * 86_400_000, 8 * 86_400_000 + 12_000])
  expect(new Set(events.map(({ workerId }) => workerId)).size).toBe(1)
  expect(endpoint.counters.completed).toBe(2)
})

test('a worker that comes out of its parking asks for as many jobs as it has places', () => {
  const { clock, endpoint, submit } = simulatedFleet({
    sdkPolling: true,
    parkedMax: 1,
    workersMax: 1,
    idleTimeoutMs: 1000,
    coldMs: 100,
  })
  for (let at = 0; at < 14; at += 1) submit(`first ${at}`, 1)
  clock.run(3000)
  expect(endpoint.workerViews()).toMatchObject([{ phase: 'parked' }])
  for (let at = 0; at < 10; at += 1) submit(`second ${at}`, 1000)
  clock.run(100)
  expect(endpoint.load()).toEqual({ queued: 0, running: 10 })
})
