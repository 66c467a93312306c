// What the operations of the job API answer beyond the plain way of a job.
import { describe, expect, test } from 'vitest'
import { createFakeClock } from '../../support/fake-clock.ts'
import { until } from '../../support/until.ts'
import { chatInput, type Envelope, jobCalls } from '../support/jobs.ts'
import { runSimulator } from '../support/running.ts'

const short = chatInput('hi', { max_tokens: 1 })
const stalled = chatInput('[[sim:stall-after=0]]', { stream: true })

describe('the job API', () => {
  const simulator = runSimulator()
  const { get, post, run } = jobCalls(simulator)

  test.each(['run', 'runsync', 'cancel/x', 'retry/x', 'purge-queue'])(
    '%s must be posted',
    async (operation) => {
      expect((await get(operation)).status).toBe(405)
    },
  )

  test('a stream may be posted for', async () => {
    const id = await run(short)
    await get(`status-sync/${id}`)
    const { body } = await post<{ status: string; stream: unknown[] }>(`stream/${id}`)
    expect([body.status, body.stream.length]).toEqual(['COMPLETED', 1])
  })

  test('a failed job can be tried again under its id, any other cannot', async () => {
    const failed = await run(chatInput('hi', { temperature: -1 }))
    const first = (await get(`status-sync/${failed}`)).body
    expect(first.status).toBe('FAILED')
    expect((await post(`retry/${failed}`)).body).toEqual({ id: failed, status: 'IN_QUEUE' })
    const second = (await get(`status-sync/${failed}`)).body
    expect(second).toMatchObject({ id: failed, status: 'FAILED', error: first.error })
    const done = await run(short)
    await get(`status-sync/${done}`)
    expect((await post(`retry/${done}`)).status).toBe(400)
    expect((await post('retry/nope')).status).toBe(404)
  })

  test('requests lists the jobs that have not ended', async () => {
    const id = await run(stalled)
    await get(`stream/${id}?wait=1000`)
    const { body } = await get<{ requests: Envelope[] }>('requests')
    expect(body.requests).toMatchObject([{ id, status: 'IN_PROGRESS' }])
    await post(`cancel/${id}`)
    expect((await get('requests')).body).toEqual({ requests: [] })
  })

  test('metrics names the workers that are ready', async () => {
    await post('runsync', { input: short })
    const { body } = await get<{ readyWorkers: string[]; workers: { ready: number } }>('metrics')
    expect(body.readyWorkers).toEqual([expect.stringMatching(/^[0-9a-z]{14}$/)])
    expect(body.workers).toMatchObject({ idle: 1, ready: 1, running: 0 })
  })

  test('a good answer can have another status than 200', async () => {
    const rule = { match: { operation: 'run' }, fault: 'good-status=201', times: 1 }
    await simulator.call('/__control/faults', rule)
    expect((await post('run', { input: short })).status).toBe(201)
    expect((await post('run', { input: short })).status).toBe(200)
  })

  test('any operation can fail at the door', async () => {
    const rule = { match: { operation: 'health' }, fault: 'status=503', times: 1 }
    await simulator.call('/__control/faults', rule)
    const failed = await get('health')
    expect(failed).toEqual({ status: 503, body: { error: 'service unavailable' } })
    expect((await get('health')).status).toBe(200)
  })

  test('a wrong clock shows in the answer’s date', async () => {
    const rule = { match: { operation: 'health' }, fault: 'clock-skew=3600000', times: 1 }
    await simulator.call('/__control/faults', rule)
    const nowMs = Date.now()
    const response = await simulator.call('/v2/sim-phi/health')
    expect(Date.parse(response.headers.get('date') ?? '') - nowMs).toBeGreaterThan(3_590_000)
  })
})

describe('on a clock that stands', () => {
  const clock = createFakeClock()
  const simulator = runSimulator({ coldMs: 1000, lostAfterMs: 40_000 }, clock)
  const { get, post, run } = jobCalls(simulator)

  test('an empty input is taken, burns two attempts and fails as a lost worker does', async () => {
    const id = await run({})
    await clock.advance(1000)
    expect((await get(`status/${id}`)).body.status).toBe('IN_PROGRESS')
    await clock.advance(40_000)
    expect((await get(`status/${id}`)).body).toMatchObject({ retries: 1, status: 'IN_PROGRESS' })
    await clock.advance(40_000)
    expect((await get(`status/${id}`)).body).toMatchObject({
      delayTime: 41_000,
      error: 'job timed out after 1 retries',
      executionTime: 40_000,
      retries: 1,
      status: 'FAILED',
    })
    const { jobs } = (await get<{ jobs: object }>('health')).body
    expect(jobs).toMatchObject({ failed: 1, retried: 1 })
  })

  test('purge-queue empties the queue, of calls of the OpenAI route and of batches too', async () => {
    await simulator.call('/__control/cold', {})
    const id = await run(short)
    const path = '/v2/sim-phi/openai/v1/chat/completions'
    const call = simulator.call(path, { messages: [{ role: 'user', content: 'hi' }] })
    const batch = (await post('batch', [{ input: short }, { input: short }])).body.id
    await post(`batch/${batch}/finalize`)
    const queued = async () => (await simulator.state()).endpoints['sim-phi']?.queued
    await until('four are queued', async () => (await queued()) === 4)
    expect((await post('purge-queue')).body).toEqual({ removed: 4, status: 'completed' })
    expect([await queued(), (await call).status]).toEqual([0, 500])
    expect((await get(`status/${id}`)).body.status).toBe('CANCELLED')
    expect((await get<object>(`batch/${batch}`)).body).toMatchObject({ requestFailed: 2 })
  })

  test('an operation can be slow to come', async () => {
    const rule = { match: { operation: 'health' }, fault: 'latency=500', times: 1 }
    await simulator.call('/__control/faults', rule)
    const timers = clock.pending()
    let isHere = false
    const slow = get('health').then(() => {
      isHere = true
    })
    while (clock.pending() === timers) await simulator.state()
    expect(isHere).toBe(false)
    await clock.advance(500)
    await slow
  })

  test('health can disagree with what is', async () => {
    await simulator.call('/__control/cold', {})
    const id = await run(short)
    const workers = async () => (await get<{ workers: object }>('health')).body.workers
    expect(await workers()).toMatchObject({ idle: 0, initializing: 1 })
    await simulator.call('/__control/faults', { fault: 'health-differs', times: 1 })
    expect(await workers()).toMatchObject({ idle: 1, ready: 1, initializing: 0 })
    await post(`cancel/${id}`)
  })
})

describe('the edge in front of the job API', () => {
  const simulator = runSimulator({ coldMs: 3_600_000, edgeTimeoutMs: 50 })
  const { get, post, run } = jobCalls(simulator)

  test('gives up on runsync and on held polls, while the job goes on waiting', async () => {
    const page = await simulator.call('/v2/sim-phi/runsync', { input: short })
    expect([page.status, page.headers.get('content-type')]).toEqual([
      524,
      'text/html; charset=UTF-8',
    ])
    const id = await run(short)
    expect((await simulator.call(`/v2/sim-phi/stream/${id}`)).status).toBe(524)
    expect((await get(`status/${id}`)).body.status).toBe('IN_QUEUE')
    expect((await post('purge-queue')).body).toEqual({ removed: 2, status: 'completed' })
  })
})
