// A load-balancing endpoint over HTTP: which worker takes a call, how long a call waits for a
// worker, and what a client sees when its worker dies.
import { once } from 'node:events'
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createFakeClock } from '../../support/fake-clock.ts'
import { until } from '../../support/until.ts'
import { readAnswer } from '../support/events.ts'
import { chat, runSimulator } from '../support/running.ts'

const model = 'microsoft/phi-2'
const endpoints = {
  balanced: { model, type: 'load-balancer', fleet: { slotsPerWorker: 2, requestCount: 1 } },
  queued: { model },
}
const path = '/lb/balanced/v1/chat/completions'
const affinity = 'x-runpod-worker-id'

function running(options: object = {}, clock?: ReturnType<typeof createFakeClock>) {
  return runSimulator({ endpoints, workersMax: 2, ...options }, clock)
}

/** A call with an affinity header, and the worker that took it. */
async function sendTo(simulator: ReturnType<typeof running>, worker: string, body: object) {
  const headers = { authorization: 'Bearer sim-key', 'content-type': 'application/json' }
  const init = { headers: { ...headers, ...(worker !== '' && { [affinity]: worker }) } }
  const response = await simulator.call(path, body, init)
  return { response, worker: response.headers.get(affinity) ?? '' }
}

describe('a load balancer', () => {
  const simulator = running()
  const state = async () => (await simulator.state()).endpoints.balanced

  test('passes a call to the server of a worker, and its answer back', async () => {
    const { response, worker } = await sendTo(simulator, '', chat('hi', { max_tokens: 4 }))
    expect(response.status).toBe(200)
    expect(worker).toMatch(/^[0-9a-z]{14}$/)
    expect(await response.json()).toMatchObject({ usage: { completion_tokens: 4 } })
  })

  test('passes streams, refusals with their status, and other routes', async () => {
    const streamed = await sendTo(simulator, '', chat('hi', { max_tokens: 4, stream: true }))
    const answer = readAnswer(await streamed.response.text())
    expect([answer.contents, answer.isDone]).toEqual([4, true])
    const refused = await sendTo(simulator, '', chat('hi', { temperature: -1 }))
    expect(refused.response.status).toBe(400)
    expect(await refused.response.json()).toMatchObject({ error: { type: 'BadRequestError' } })
    const models = await simulator.call('/lb/balanced/v1/models')
    expect(await models.json()).toMatchObject({ data: [{ id: model }] })
    expect((await simulator.call('/lb/balanced/ping')).status).toBe(200)
  })

  test('is found by its host name, too', async () => {
    const call = request(`${simulator.url()}/v1/models`, {
      headers: { host: 'balanced.api.runpod.ai', authorization: 'Bearer sim-key' },
    })
    call.end()
    const [response] = await once(call, 'response')
    expect([response.statusCode, response.headers[affinity]]).toEqual([
      200,
      expect.stringMatching(/^[0-9a-z]{14}$/),
    ])
    response.resume()
    await once(response, 'end')
  })

  test('stops the work of a client that leaves', async () => {
    const before = await state()
    const leaving = new AbortController()
    const body = chat('[[sim:stall-after=1]]', { stream: true })
    await simulator.call(path, body, { signal: leaving.signal })
    leaving.abort()
    for (;;) {
      const now = await state()
      if (now?.running === 0 && now.aborted === (before?.aborted ?? 0) + 1) return
    }
  })

  test.each([
    ['no key', '/lb/balanced/v1/models', { headers: {} }, 401, 'unauthorized'],
    ['an unknown endpoint', '/lb/nope/v1/models', {}, 404, 'not found'],
    ['an endpoint with a queue', '/lb/queued/v1/models', {}, 400, 'not allowed for QB API'],
    ['the job API', '/v2/balanced/run', {}, 400, 'not allowed for QB API'],
    ['the OpenAI route', '/v2/balanced/openai/v1/models', {}, 400, 'not allowed for QB API'],
  ])('refuses %s', async (_, asked, init, status, error) => {
    const response = await simulator.call(asked, undefined, init)
    expect([response.status, await response.json()]).toEqual([status, { error }])
  })

  test('tells its health where all endpoints do', async () => {
    const response = await simulator.call('/v2/balanced/health')
    expect(await response.json()).toMatchObject({ jobs: { inQueue: 0 } })
  })
})

describe('a worker that dies', () => {
  // The platform misses it late; its connections break at once.
  const simulator = running({ workersMin: 2, lostAfterMs: 3_600_000 })

  test('tears a stream, and nothing is tried again', async () => {
    const before = (await simulator.state()).endpoints.balanced?.callsSeen ?? 0
    const { response } = await sendTo(
      simulator,
      '',
      chat('[[sim:worker-dies-after=2]]', { stream: true }),
    )
    await expect(response.text()).rejects.toThrow('terminated')
    expect((await simulator.state()).endpoints.balanced?.callsSeen).toBe(before + 1)
  })

  test('is a 502 to a call that has no answer yet', async () => {
    const { response } = await sendTo(simulator, '', chat('[[sim:worker-dies-after=0]]'))
    expect(response.status).toBe(502)
  })
})

describe('a call’s worker', () => {
  const simulator = running({ workersMin: 2 })
  const held = chat('[[sim:stall-after=0]]', { stream: true })

  test('is the one it names while that has room, and the one with the fewest calls otherwise', async () => {
    await until('two workers are idle', async () => {
      return (await simulator.state()).endpoints.balanced?.workers.idle === 2
    })
    const first = await sendTo(simulator, '', held)
    const second = await sendTo(simulator, '', held)
    expect(second.worker).not.toBe(first.worker)
    const third = await sendTo(simulator, second.worker, held)
    expect(third.worker).toBe(second.worker)
    const fourth = await sendTo(simulator, second.worker, held)
    expect(fourth.worker).toBe(first.worker)
    for (const { response } of [first, second, third, fourth]) await response.body?.cancel()
  })

  test('is not to be had when the call insists on one that is gone', async () => {
    const { response } = await sendTo(simulator, 'strict nobody', held)
    expect([response.status, await response.json()]).toEqual([
      404,
      { error: 'affinity_worker_gone' },
    ])
  })
})

describe('waiting for a worker', () => {
  const clock = createFakeClock()
  const simulator = running({ coldMs: 130_000, workersMax: 1 }, clock)
  const queued = async (count: number) => {
    await until(`${count} are queued`, async () => {
      return (await simulator.state()).endpoints.balanced?.queued === count
    })
  }

  test('takes two minutes at most', async () => {
    const asked = sendTo(simulator, '', chat('hi'))
    await queued(1)
    await clock.advance(119_999)
    await queued(1)
    await clock.advance(1)
    const { response } = await asked
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: 'no workers available' },
    ])
    await queued(0)
  })

  test('takes longer for the one that the call insists on', async () => {
    await clock.advance(60_000)
    const holding = chat('[[sim:stall-after=0]]', { stream: true })
    const [first, second] = [sendTo(simulator, '', holding), sendTo(simulator, '', holding)]
    const { worker, response } = await first
    await second
    const asked = sendTo(simulator, `strict ${worker}`, chat('hi'))
    await queued(1)
    await clock.advance(200_000)
    await queued(1)
    await clock.advance(100_000)
    const refused = (await asked).response
    expect([refused.status, await refused.json()]).toEqual([400, { error: 'worker_timeout' }])
    await response.body?.cancel()
    await (await second).response.body?.cancel()
  })

  test('a call may take five and a half minutes', async () => {
    const { response } = await sendTo(
      simulator,
      '',
      chat('[[sim:stall-after=0]]', { stream: true }),
    )
    const read = response.text()
    await clock.advance(329_999)
    expect((await simulator.state()).endpoints.balanced?.running).toBe(1)
    await clock.advance(1)
    await expect(read).rejects.toThrow('terminated')
  })
})
