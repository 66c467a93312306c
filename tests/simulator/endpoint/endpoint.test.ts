// One endpoint on a fake clock, without sockets: when its jobs and workers start and stop, and
// what becomes of a job when its worker dies.
import { expect, test } from 'vitest'
import { openAccount } from '#src/simulator/account.ts'
import type { Endpoint } from '#src/simulator/contract.ts'
import { faultPlan } from '#src/simulator/control/faults.ts'
import { simulatorOptions } from '#src/simulator/index.ts'
import type { JobSink } from '#src/simulator/job-sink.ts'
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts'

interface Opened {
  clock: FakeClock
  endpoint: Endpoint
  /** What happened to the jobs, in order: `1 started`, `1 done`. */
  story: string[]
  submit(name: string, faults?: string[]): () => void
}

function opened(settings: object = {}): Opened {
  const clock = createFakeClock()
  const options = simulatorOptions.parse({ coldMs: 2000, ...settings })
  const endpoint = openAccount(options, clock).endpoints.get('sim-phi')
  if (endpoint === undefined) throw new Error('no such endpoint')
  const story: string[] = []
  return {
    clock,
    endpoint,
    story,
    submit(name, faults = []) {
      const body = { messages: [{ role: 'user', content: 'hi' }], max_tokens: 10 }
      const input = { openai_route: '/v1/chat/completions', openai_input: body }
      const leave = endpoint.submit({
        jobId: name,
        input,
        faults: faultPlan(faults),
        sink: telling(story, name),
      })
      if (leave === null) story.push(`${name} refused`)
      return leave ?? (() => {})
    },
  }
}

function telling(story: string[], name: string): JobSink {
  const tell = (what: string) => void story.push(`${name} ${what}`)
  return {
    started: () => tell('started'),
    failed: (error) => tell(`failed: ${error}`),
    yielded: () => true,
    whenDrained: (callback) => callback(),
    progressed() {},
    done: () => tell('done'),
    requeued: () => tell('requeued'),
    torn: () => tell('torn'),
  }
}

test('the first job waits for the whole cold start, the next for none', async () => {
  const { clock, endpoint, story, submit } = opened()
  submit('first')
  await clock.advance(1999)
  expect([story, endpoint.workers()]).toMatchObject([[], { idle: 0, initializing: 1, running: 0 }])
  await clock.advance(1)
  expect(story).toEqual(['first started'])
  await clock.advance(1000)
  submit('second')
  expect(story).toEqual(['first started', 'first done', 'second started'])
})

test('a worker that had nothing to do for the idle time stops, and the next job starts one', async () => {
  const { clock, endpoint, story, submit } = opened({ idleTimeoutMs: 5000 })
  submit('first')
  await clock.advance(2500)
  expect(endpoint.workers()).toMatchObject({ idle: 1, initializing: 0, running: 0 })
  await clock.advance(5000)
  expect(endpoint.workers()).toMatchObject({ idle: 0, initializing: 0, running: 0 })
  submit('second')
  expect(story.at(-1)).toBe('first done')
  await clock.advance(2000)
  expect(story.at(-1)).toBe('second started')
})

test('jobs start in the order in which they came, as places become free', async () => {
  const { clock, story, submit } = opened({ slotsPerWorker: 1, workersMax: 1 })
  for (const name of ['a', 'b', 'c']) submit(name)
  await clock.advance(4000)
  const order = ['a started', 'a done', 'b started', 'b done', 'c started', 'c done']
  expect(story).toEqual(order)
})

test('more jobs than a worker has slots start another worker, up to the most', async () => {
  const { clock, endpoint, submit } = opened({ slotsPerWorker: 2, workersMax: 2 })
  for (const name of ['a', 'b', 'c', 'd', 'e']) submit(name, ['slow-first=60000'])
  expect(endpoint.workers().initializing).toBe(2)
  await clock.advance(2000)
  expect(endpoint.load()).toEqual({ queued: 1, running: 4 })
})

test('a full queue refuses', () => {
  const { story, submit } = opened({ queueMax: 1 })
  submit('a')
  submit('b')
  expect(story).toEqual(['b refused'])
})

test('a job that leaves the queue never starts; one that leaves its worker frees the place', async () => {
  const { clock, endpoint, story, submit } = opened({ slotsPerWorker: 1, workersMax: 1 })
  const leaveA = submit('a', ['slow-first=60000'])
  const leaveB = submit('b')
  submit('c')
  await clock.advance(2000)
  leaveB()
  leaveA()
  expect(story).toEqual(['a started', 'c started'])
  await clock.advance(500)
  expect(endpoint.load()).toEqual({ queued: 0, running: 0 })
})

test('a job that stalls fails at the execution timeout and frees its place', async () => {
  const { clock, endpoint, story, submit } = opened({ executionTimeoutMs: 30_000 })
  submit('a', ['stall-after=2'])
  await clock.advance(2000 + 29_999)
  expect([story, endpoint.load().running]).toEqual([['a started'], 1])
  await clock.advance(1)
  expect(story.at(-1)).toBe('a failed: executionTimeout exceeded')
  expect(endpoint.load().running).toBe(0)
})

test('made cold, idle workers stop at once and busy ones after their jobs', async () => {
  const { clock, endpoint, story, submit } = opened()
  submit('a')
  await clock.advance(2000)
  endpoint.makeCold()
  submit('b')
  expect(endpoint.workers()).toMatchObject({ idle: 0, initializing: 1, running: 1 })
  await clock.advance(1500)
  expect(story).toEqual(['a started', 'a done'])
  expect(endpoint.workers()).toMatchObject({ idle: 0, initializing: 1, running: 0 })
  await clock.advance(500)
  expect(story.at(-1)).toBe('b started')
})

test('a worker that dies of a job is missed, and the job is done elsewhere', async () => {
  const { clock, endpoint, story, submit } = opened({ lostAfterMs: 40_000 })
  submit('a', ['worker-dies-after=2'])
  await clock.advance(3000)
  expect(endpoint.load()).toEqual({ queued: 0, running: 1 })
  await clock.advance(60_000)
  expect(story).toEqual(['a started', 'a requeued', 'a started', 'a done'])
})

test('a job of which two workers die fails', async () => {
  const { clock, story, submit } = opened({ lostAfterMs: 1000 })
  submit('a', ['worker-dies-after=2', 'dies-again'])
  await clock.advance(60_000)
  expect(story.slice(-2)).toEqual(['a started', 'a failed: job timed out after 1 retries'])
})

test('a worker whose engine died takes jobs and fails each at once', async () => {
  const { clock, endpoint, story, submit } = opened()
  submit('a')
  await clock.advance(2050)
  expect(endpoint.fleet?.killEngine(null)).toBe(true)
  expect(story).toEqual(['a started', expect.stringMatching(/^a failed: .*HTTP 500: .*EngineCore/)])
  submit('b')
  expect(story.slice(2)).toEqual([
    'b started',
    "b failed: {'message': 'vLLM server process is not running; worker is unhealthy', " +
      "'type': 'worker_error', 'code': None}",
  ])
  expect(endpoint.workers()).toMatchObject({ idle: 1, unhealthy: 0 })
})

test('a worker that still starts has no engine that could die', async () => {
  const { clock, endpoint, submit } = opened()
  submit('a')
  await clock.advance(1000)
  expect(endpoint.fleet?.killEngine(null)).toBe(false)
})

test('an endpoint that was removed fails its jobs, takes none and waits for nothing', async () => {
  const { clock, endpoint, story, submit } = opened({ slotsPerWorker: 1, workersMax: 1 })
  submit('a', ['ignore-stop', 'slow-first=5000'])
  await clock.advance(2000)
  submit('b')
  endpoint.close('gone')
  submit('c')
  expect(story).toEqual(['a started', 'a failed: gone', 'b failed: gone', 'c refused'])
  expect([endpoint.load(), clock.pending()]).toEqual([{ queued: 0, running: 0 }, 0])
})

test('a cancelled job that generates on keeps its place at the worker, but is nobody’s', async () => {
  const { clock, endpoint, story, submit } = opened({ slotsPerWorker: 1, workersMax: 1 })
  const leave = submit('a', ['ignore-stop', 'slow-first=5000'])
  await clock.advance(2000)
  leave()
  submit('b')
  expect([story, endpoint.load()]).toEqual([['a started'], { queued: 1, running: 0 }])
  await clock.advance(6000)
  expect(story).toEqual(['a started', 'b started', 'b done'])
})
