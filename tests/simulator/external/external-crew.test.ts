// How jobs are given to workers that ask for them, and what becomes of the jobs of a worker that
// falls silent. The tests ask as workers do, on a fake clock and without sockets.
import { expect, test } from 'vitest'
import { faultPlan } from '#src/simulator/control/faults.ts'
import type { Work } from '#src/simulator/crew.ts'
import { openJobQueue } from '#src/simulator/endpoint/job-queue.ts'
import { openExternalCrew } from '#src/simulator/external/external-crew.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

const limits = { workerPollMs: 8000, workerSilentMs: 40_000 }

function start() {
  const clock = createFakeClock()
  const queue = openJobQueue(() => 1000, clock.ticksMs)
  const crew = openExternalCrew(queue, limits, clock)
  const told: string[] = []

  function work(jobId: string): Work {
    const tell = (what: string) => told.push(`${jobId} ${what}`)
    return {
      jobId,
      input: { prompt: jobId },
      faults: faultPlan([]),
      queuedAtMs: clock.ticksMs(),
      retries: 0,
      sink: {
        started: (workerId) => tell(`started by ${workerId}`),
        yielded: () => true,
        whenDrained: (callback) => callback(),
        progressed() {},
        done: () => tell('done'),
        failed: (error) => tell(`failed: ${error}`),
        requeued: () => tell('requeued'),
        torn: () => tell('torn'),
      },
    }
  }

  /** What a worker was given, and null while it waits. */
  function take(workerId: string, max = 30) {
    const poll: { given: string[] | null; giveUp: (() => void) | null } = {
      given: null,
      giveUp: null,
    }
    poll.giveUp = crew.take(workerId, max, (jobs) => {
      poll.given = jobs.map(({ jobId }) => jobId)
    })
    return poll
  }

  function askStops(workerId: string) {
    const poll: { jobIds: readonly string[] | null } = { jobIds: null }
    crew.askStops(workerId, (jobIds) => {
      poll.jobIds = jobIds
    })
    return poll
  }

  function submit(...jobIds: string[]): Work[] {
    const works = jobIds.map(work)
    for (const item of works) {
      queue.add(item)
      crew.look()
    }
    return works
  }

  return { clock, queue, crew, told, take, askStops, submit }
}

test('a worker that asks first is given all that it has room for', () => {
  const { take, submit, crew, told } = start()
  const first = take('w1', 3)
  const second = take('w2', 3)
  submit('a', 'b', 'c', 'd')
  expect(first.given).toEqual(['a'])
  expect(second.given).toEqual(['b'])
  expect(take('w1', 28).given).toEqual(['c', 'd'])
  expect(told).toEqual(['a started by w1', 'b started by w2', 'c started by w1', 'd started by w1'])
  expect([crew.running(), crew.census().running]).toEqual([4, 2])
})

test('a worker that asks for nothing to be had is answered after a while', async () => {
  const { take, clock, crew } = start()
  const poll = take('w1')
  await clock.advance(7999)
  expect(poll.given).toBeNull()
  await clock.advance(1)
  expect(poll.given).toEqual([])
  expect(crew.census()).toMatchObject({ idle: 1, ready: 1, running: 0 })
})

test('a worker that gave up asking is given nothing', () => {
  const { take, submit, queue } = start()
  take('w1').giveUp?.()
  submit('a')
  expect(queue.length()).toBe(1)
})

test('a second question of a worker takes the place of the first', () => {
  const { take, submit } = start()
  const first = take('w1')
  const second = take('w1')
  submit('a')
  expect([first.given, second.given]).toEqual([[], ['a']])
})

test('a job of a silent worker is given to another one, once', async () => {
  const { take, submit, clock, told, crew } = start()
  take('w1')
  submit('a')
  await clock.advance(39_999)
  expect(told).toEqual(['a started by w1'])
  await clock.advance(1)
  expect(told.slice(1)).toEqual(['a requeued'])
  expect(crew.census()).toMatchObject({ idle: 0, running: 0 })
  expect(take('w2').given).toEqual(['a'])
  await clock.advance(40_000)
  expect(told.slice(2)).toEqual(['a started by w2', 'a failed: job timed out after 1 retries'])
})

test('a job that a worker was given after its last sign of life is not lost with it', async () => {
  const { take, submit, clock, told, crew } = start()
  take('w1')
  await clock.advance(100)
  submit('a')
  await clock.advance(39_900)
  expect(told).toEqual(['a started by w1', 'a requeued'])
  expect(crew.census()).toMatchObject({ idle: 0, running: 0 })
})

test('a ping that names a job keeps it, and one that does not lets it go', async () => {
  const { take, submit, clock, told, crew } = start()
  take('w1')
  submit('a')
  take('w1')
  const [b] = submit('b')
  for (let passed = 0; passed < 40_000; passed += 10_000) {
    await clock.advance(10_000)
    crew.ping('w1', ['b'], false)
  }
  expect(told.slice(2)).toEqual(['a requeued'])
  expect([crew.held('w1', 'a'), crew.held('w1', 'b')]).toEqual([null, b])
})

test('what is posted about a job is a sign of life', async () => {
  const { take, submit, clock, told, crew } = start()
  take('w1')
  submit('a')
  for (let passed = 0; passed < 90_000; passed += 30_000) {
    await clock.advance(30_000)
    expect(crew.held('w1', 'a')).not.toBeNull()
  }
  expect(told).toEqual(['a started by w1'])
})

test('a stop reaches the worker that has the job, waiting or not', () => {
  const { take, submit, askStops, crew } = start()
  take('w1')
  const [a, b] = submit('a', 'b')
  take('w1')
  take('w1')
  const asked = askStops('w1')
  expect(a !== undefined && crew.stop(a)).toBe(true)
  expect(asked.jobIds).toEqual(['a'])
  const [c] = submit('c')
  expect([b, c].map((work) => work !== undefined && crew.stop(work))).toEqual([true, true])
  expect(askStops('w1').jobIds).toEqual(['b', 'c'])
  expect(a !== undefined && crew.stop(a)).toBe(false)
  expect([crew.held('w1', 'a'), crew.held('w1', 'x')]).toEqual(['stopped', null])
})

test('a worker that calls itself unhealthy is counted so until it asks for work', () => {
  const { take, crew } = start()
  take('w1')
  crew.ping('w1', [], true)
  expect(crew.census()).toMatchObject({ idle: 0, unhealthy: 1 })
  take('w1')
  expect(crew.census()).toMatchObject({ idle: 1, unhealthy: 0 })
})

test('closing answers everybody and leaves no timer', () => {
  const { take, askStops, crew, clock } = start()
  const polls = [take('w1'), take('w2')]
  const asked = askStops('w1')
  crew.close()
  expect([...polls.map(({ given }) => given), asked.jobIds]).toEqual([[], [], []])
  expect(clock.pending()).toBe(0)
  expect(crew.take('w3', 1, () => {})).toBeNull()
})
