// How long jobs live, on a clock that a test moves: no worker is ready before it does.
import { describe, expect, test } from 'vitest'
import { createFakeClock } from '../../support/fake-clock.ts'
import { chatInput, type Envelope, jobCalls } from '../support/jobs.ts'
import { runSimulator } from '../support/running.ts'

const stalled = chatInput('[[sim:stall-after=0]]', { stream: true })
const short = chatInput('hi', { max_tokens: 1 })
const weekMs = 7 * 24 * 3_600_000

describe('a policy', () => {
  const clock = createFakeClock()
  const simulator = runSimulator({ coldMs: 1000 }, clock)
  const { post, get, run } = jobCalls(simulator)

  test.each([
    ['a ttl below ten seconds', { ttl: 9999 }, 400],
    ['a ttl of ten seconds', { ttl: 10_000 }, 200],
    ['a ttl of a week', { ttl: weekMs }, 200],
    ['a longer one', { ttl: weekMs + 1 }, 400],
    ['no whole number', { ttl: 10_000.5 }, 400],
    ['an execution timeout below five seconds', { executionTimeout: 4999 }, 400],
    ['an execution timeout of five seconds', { executionTimeout: 5000 }, 200],
    ['a longer one than a week', { executionTimeout: weekMs + 1 }, 400],
    ['a priority that is no boolean', { lowPriority: 'yes' }, 400],
  ])('with %s', async (_, policy, status) => {
    const answer = await post<{ id?: string; error?: string }>('run', { input: short, policy })
    expect(answer.status).toBe(status)
    if (status === 400) expect(answer.body.error).toMatch(/^policy\./)
    else await post(`cancel/${answer.body.id}`)
  })

  test('a job is gone at the end of its time to live: queued, running or ended', async () => {
    const ids = [
      await run(short, { policy: { ttl: 10_000 } }),
      await run(stalled, { policy: { ttl: 10_000 } }),
    ]
    const kept = await run(short)
    await clock.advance(9999)
    expect(
      await Promise.all(ids.map(async (id) => (await get(`status/${id}`)).body.status)),
    ).toEqual(['COMPLETED', 'IN_PROGRESS'])
    await clock.advance(1)
    for (const id of ids) {
      expect((await get(`status/${id}`)).status).toBe(404)
      expect((await get(`stream/${id}`)).status).toBe(404)
      expect((await post(`cancel/${id}`)).status).toBe(404)
    }
    expect((await get(`status/${kept}`)).body.status).toBe('COMPLETED')
    expect((await simulator.state()).endpoints['sim-phi']?.running).toBe(0)
  })

  test('who waits for a job that is deleted is told that there is none', async () => {
    const id = await run(stalled, { policy: { ttl: 10_000 } })
    await clock.advance(5000)
    const timers = clock.pending()
    const held = get(`status-sync/${id}`)
    while (clock.pending() === timers) await simulator.state()
    await clock.advance(5000)
    expect((await held).status).toBe(404)
  })

  test('a question for the status can set the time to live anew', async () => {
    const id = await run(stalled)
    await get(`status/${id}?ttl=20000`)
    await clock.advance(19_999)
    expect((await get(`status/${id}`)).status).toBe(200)
    await clock.advance(1)
    expect((await get(`status/${id}`)).status).toBe(404)
  })

  test('an execution timeout counts while the job runs', async () => {
    const id = await run(stalled, { policy: { executionTimeout: 5000 } })
    const other = await run(stalled)
    await clock.advance(1000)
    const { delayTime = 0 } = (await get(`status/${id}`)).body
    await clock.advance(4999 - (1000 - delayTime))
    expect((await get(`status/${id}`)).body.status).toBe('IN_PROGRESS')
    await clock.advance(1)
    expect((await get(`status/${id}`)).body).toMatchObject({
      status: 'FAILED',
      error: 'executionTimeout exceeded',
      executionTime: 5000,
    })
    expect((await get(`status/${other}`)).body.status).toBe('IN_PROGRESS')
    await post(`cancel/${other}`)
  })

  test('results of run are kept for half an hour, those of runsync for a minute', async () => {
    const id = await run(short)
    await clock.advance(2000)
    const sync = (await post('runsync?wait=1000', { input: { route: '/health' } })).body.id
    await clock.advance(60_000 - 1)
    expect((await get(`status/${sync}`)).status).toBe(200)
    await clock.advance(1)
    expect((await get(`status/${sync}`)).status).toBe(404)
    await clock.advance(28 * 60_000)
    expect((await get(`status/${id}`)).status).toBe(200)
    await clock.advance(2 * 60_000)
    expect((await get(`status/${id}`)).status).toBe(404)
  })

  test('a fault deletes a record early', async () => {
    const id = await run(chatInput('[[sim:vanish-after=3000]] hi', { max_tokens: 1 }))
    await clock.advance(2999)
    expect((await get(`status/${id}`)).body.status).toBe('COMPLETED')
    await clock.advance(1)
    expect((await get(`status/${id}`)).status).toBe(404)
  })
})

describe('a job of low priority', () => {
  const clock = createFakeClock()
  const simulator = runSimulator({ coldMs: 1000 }, clock)
  const { get, run } = jobCalls(simulator)

  test('starts no worker, but is done by one that is there', async () => {
    const low = await run(short, { policy: { lowPriority: true } })
    await clock.advance(60_000)
    expect((await get(`status/${low}`)).body.status).toBe('IN_QUEUE')
    const { workers } = (await get<{ workers: { initializing: number } }>('health')).body
    expect(workers.initializing).toBe(0)
    await run(short)
    await clock.advance(2000)
    expect((await get<Envelope>(`status/${low}`)).body.status).toBe('COMPLETED')
  })
})
