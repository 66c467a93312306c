// A job's record is told by a worker, whoever that is, and read by clients.
import { expect, test } from 'vitest'
import { openJob } from '#src/simulator/jobs/job-record.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

function record(faults: { lostItem?: number; losesOutput?: boolean } = {}, options: object = {}) {
  const clock = createFakeClock()
  const plan = { lostItem: null, losesOutput: false, ...faults }
  const set = { streamItemMaxBytes: 1000, executionTimeoutStatus: 'FAILED' as const, ...options }
  return { clock, job: openJob('job-u1', plan, set, clock) }
}

test('a job says how long it waited and how long it ran, keys in the platform’s order', async () => {
  const { clock, job } = record()
  expect(job.envelope()).toEqual({ id: 'job-u1', status: 'IN_QUEUE' })
  await clock.advance(1500)
  job.sink.started('worker1')
  expect(job.envelope()).toEqual({
    delayTime: 1500,
    id: 'job-u1',
    status: 'IN_PROGRESS',
    workerId: 'worker1',
  })
  job.sink.yielded('a')
  await clock.advance(700)
  job.sink.done()
  const ended = job.envelope()
  expect(ended).toEqual({
    delayTime: 1500,
    executionTime: 700,
    id: 'job-u1',
    output: ['a'],
    status: 'COMPLETED',
    workerId: 'worker1',
  })
  expect(Object.keys(ended)).toEqual(Object.keys(ended).sort())
})

test('a replay counts the wait anew, says so, and its result is its own', async () => {
  const { clock, job } = record()
  job.sink.started('worker1')
  job.sink.yielded('lost')
  await clock.advance(40_000)
  job.sink.requeued()
  expect(job.envelope()).toEqual({ id: 'job-u1', retries: 1, status: 'IN_QUEUE' })
  await clock.advance(1000)
  job.sink.started('worker2')
  job.sink.yielded('made again')
  job.sink.done()
  expect(job.envelope()).toMatchObject({
    delayTime: 41_000,
    output: ['made again'],
    retries: 1,
    workerId: 'worker2',
  })
  expect(job.drain()).toEqual([{ output: 'lost' }, { output: 'made again' }])
})

test('a handler’s own result is the output, not what it yielded', () => {
  const { job } = record()
  job.sink.started('worker1')
  job.sink.done({ output: { answer: 42 } })
  expect(job.envelope().output).toEqual({ answer: 42 })
})

test('word of progress is the output while the job runs, and no longer', () => {
  const { job } = record()
  job.sink.started('worker1')
  job.sink.progressed('50 %')
  expect(job.envelope().output).toBe('50 %')
  job.sink.requeued()
  expect(job.envelope()).not.toHaveProperty('output')
  job.sink.started('worker2')
  expect(job.envelope()).not.toHaveProperty('output')
  job.sink.progressed('75 %')
  job.sink.failed('broken')
  expect(job.envelope()).not.toHaveProperty('output')
})

test('what is too large for one item is several, and the output keeps it whole', () => {
  const { job } = record({}, { streamItemMaxBytes: 4 })
  job.sink.started('worker1')
  job.sink.yielded('abcdef')
  job.sink.done()
  expect(job.drain()).toEqual([{ output: 'abcd' }, { output: 'ef' }])
  expect(job.envelope().output).toEqual(['abcdef'])
})

test('an item can be lost on its way; the output keeps it', () => {
  const { job } = record({ lostItem: 2 })
  job.sink.started('worker1')
  for (const item of ['a', 'b', 'c']) job.sink.yielded(item)
  job.sink.done()
  expect(job.drain()).toEqual([{ output: 'a' }, { output: 'c' }])
  expect(job.envelope().output).toEqual(['a', 'b', 'c'])
})

test('a result can be lost: completed, without output', () => {
  const { job } = record({ losesOutput: true })
  job.sink.started('worker1')
  job.sink.yielded('a')
  job.sink.done()
  expect(job.envelope()).toMatchObject({ status: 'COMPLETED' })
  expect(job.envelope()).not.toHaveProperty('output')
})

test.each([
  ['FAILED', 'executionTimeout exceeded', 'FAILED'],
  ['TIMED_OUT', 'executionTimeout exceeded', 'TIMED_OUT'],
  ['TIMED_OUT', 'handler: oops', 'FAILED'],
] as const)('where too long is %s, `%s` is %s', (executionTimeoutStatus, error, status) => {
  const { job } = record({}, { executionTimeoutStatus })
  job.sink.started('worker1')
  job.sink.failed(error)
  expect(job.envelope()).toMatchObject({ status, error })
})

test('what comes after the end changes nothing', () => {
  const { job } = record()
  job.sink.started('worker1')
  expect(job.cancel()).toBe(true)
  job.sink.requeued()
  job.sink.started('worker2')
  job.sink.yielded('late')
  job.sink.done()
  job.sink.failed('late')
  expect([job.cancel(), job.hasUnread(), job.envelope().status]).toEqual([
    false,
    false,
    'CANCELLED',
  ])
})

test('a restarted job is as one that was just submitted', async () => {
  const { clock, job } = record()
  job.sink.started('worker1')
  job.sink.yielded('a')
  job.sink.failed('oops')
  await clock.advance(5000)
  job.restart()
  expect([job.envelope(), job.drain()]).toEqual([{ id: 'job-u1', status: 'IN_QUEUE' }, []])
  await clock.advance(10)
  job.sink.started('worker2')
  expect(job.envelope().delayTime).toBe(10)
})
