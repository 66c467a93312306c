// RunPod's batches over HTTP: a batch is drafted, grows, runs, is read page by page, and is
// cancelled.
import { describe, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { chatInput, jobCalls } from '../support/jobs.ts'
import { runSimulator } from '../support/running.ts'

interface BatchState {
  id: string
  status: string
  requestTotal: number
  requestInProgress: number
  requestCompleted: number
  requestFailed: number
}

interface Page {
  requests: { id: string; status: string; output?: unknown; error?: string; startedAt?: number }[]
  total: number
  offset: number
  limit: number
  hasMore: boolean
}

const simulator = runSimulator()
const { get, post } = jobCalls(simulator)
const good = { input: chatInput('hi', { max_tokens: 1 }) }
const bad = { input: chatInput('hi', { temperature: -1 }) }

async function create(requests: object[]): Promise<string> {
  return (await post<BatchState>('batch', requests)).body.id
}

async function untilDone(id: string): Promise<BatchState> {
  for (;;) {
    const { body } = await get<BatchState>(`batch/${id}`)
    if (body.requestCompleted + body.requestFailed === body.requestTotal) return body
  }
}

describe('a batch', () => {
  test('is a draft, grows, is finalized and done', async () => {
    const created = await post<BatchState>('batch', [good, bad])
    expect(created.body).toEqual({ id: expect.stringMatching(/^batch_/), status: 'DRAFT' })
    const { id } = created.body
    await post(`batch/${id}/requests`, { requests: Array.from({ length: 23 }, () => good) })
    expect((await get<BatchState>(`batch/${id}`)).body).toEqual({
      id,
      endpointId: 'sim-phi',
      status: 'DRAFT',
      requestTotal: 25,
      requestInProgress: 0,
      requestCompleted: 0,
      requestFailed: 0,
      createdAt: expect.any(Number),
    })
    expect((await post(`batch/${id}/finalize`)).body).toEqual({ id, status: 'FINALIZED' })
    const done = await untilDone(id)
    expect([done.requestCompleted, done.requestFailed]).toEqual([24, 1])
    expect((await post(`batch/${id}/requests`, { requests: [good] })).status).toBe(400)
  })

  test('tells its results page by page', async () => {
    const id = await create([good, bad, good])
    await post(`batch/${id}/finalize`)
    await untilDone(id)
    const first = (await get<Page>(`batch/${id}/requests?limit=2`)).body
    expect(first).toMatchObject({ total: 3, offset: 0, limit: 2, hasMore: true })
    expect(first.requests).toMatchObject([
      {
        status: 'COMPLETED',
        output: [{ object: 'chat.completion' }],
        startedAt: expect.any(Number),
      },
      { status: 'FAILED', error: expect.stringContaining('temperature') },
    ])
    const last = (await get<Page>(`batch/${id}/requests?offset=2&limit=2`)).body
    expect([last.requests.length, last.hasMore]).toEqual([1, false])
  })

  test('can be cancelled, and its running requests stop', async () => {
    const stalled = { input: chatInput('[[sim:stall-after=0]]', { stream: true }) }
    const id = await create(Array.from({ length: 30 }, () => stalled))
    await post(`batch/${id}/finalize`)
    await until('ten requests run', async () => {
      return (await get<BatchState>(`batch/${id}`)).body.requestInProgress >= 10
    })
    expect((await get<BatchState>(`batch/${id}`)).body.requestInProgress).toBe(10)
    expect((await post(`batch/${id}/cancel`)).body).toEqual({ id, status: 'CANCELLED' })
    expect((await untilDone(id)).requestFailed).toBe(30)
    expect((await simulator.state()).endpoints['sim-phi']?.running).toBe(0)
  })

  test('that is done cannot be cancelled any more', async () => {
    const id = await create([good])
    await post(`batch/${id}/finalize`)
    await untilDone(id)
    expect((await post(`batch/${id}/cancel`)).body).toEqual({ id, status: 'FINALIZED' })
  })

  test.each([
    ['no list', {}],
    ['an empty list', []],
    ['a request without input', [{}]],
  ])('is not made of %s', async (_, body) => {
    expect((await post('batch', body)).status).toBe(400)
  })

  test('has at most 5,000 requests, and ten are open at a time', async () => {
    expect(
      (
        await post(
          'batch',
          Array.from({ length: 5001 }, () => good),
        )
      ).status,
    ).toBe(429)
    for (let made = 0; made < 10; made += 1) await create([good])
    expect((await post('batch', [good])).status).toBe(429)
  })

  test('that nobody made is not found', async () => {
    expect((await get('batch/nope')).status).toBe(404)
  })
})
