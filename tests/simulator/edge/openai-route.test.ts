// RunPod's OpenAI route over HTTP: it holds calls through a cold start, hides why a job failed,
// and goes on generating when the client has left.
import { once } from 'node:events'
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { readAnswer } from '../support/events.ts'
import { chat, type EndpointState, runSimulator } from '../support/running.ts'

const path = '/v2/sim-phi/openai/v1/chat/completions'

/** Asks again and again, each time after the answer before, until what is seen is what is wanted. */
async function seen(
  simulator: ReturnType<typeof runSimulator>,
  wanted: (state: EndpointState) => boolean,
): Promise<EndpointState> {
  for (let look = 0; look < 2000; look += 1) {
    const state = (await simulator.state()).endpoints['sim-phi']
    if (state !== undefined && wanted(state)) return state
  }
  throw new Error('it never came to that')
}

describe('the OpenAI route', () => {
  const simulator = runSimulator()

  test.each([
    ['no key', {}, 401],
    ['a wrong key', { authorization: 'Bearer nope' }, 401],
    ['the key with Bearer', { authorization: 'Bearer sim-key' }, 200],
    ['the bare key', { authorization: 'sim-key' }, 200],
  ])('with %s', async (_, headers, status) => {
    const response = await simulator.call(path, chat('hi'), { headers })
    expect(response.status).toBe(status)
  })

  test('answers whole, as JSON from behind an edge', async () => {
    const response = await simulator.call(path, chat('hi', { max_tokens: 5 }))
    const body = (await response.json()) as { usage: { completion_tokens: number } }
    expect(response.headers.get('server')).toBe('cloudflare')
    expect(response.headers.get('cf-ray')).toMatch(/^[0-9a-f]{16}-/)
    expect(body.usage.completion_tokens).toBe(5)
  })

  test('answers as a stream that ends with the mark of the end', async () => {
    const body = chat('hi', {
      stream: true,
      max_tokens: 5,
      stream_options: { include_usage: true },
    })
    const response = await simulator.call(path, body)
    const { contents, finish, usage, isDone } = readAnswer(await response.text())
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect([contents, finish, usage?.completion_tokens, isDone]).toEqual([5, 'length', 5, true])
  })

  test('lists the model of its worker', async () => {
    const response = await simulator.call('/v2/sim-phi/openai/v1/models')
    expect(await response.json()).toMatchObject({ data: [{ id: 'microsoft/phi-2' }] })
  })

  test('makes embeddings where the model does', async () => {
    const response = await simulator.call('/v2/sim-embed/openai/v1/embeddings', {
      input: ['a', 'b'],
    })
    const { data } = (await response.json()) as { data: { embedding: number[] }[] }
    expect(data.map((one) => one.embedding.length)).toEqual([384, 384])
  })

  test('hides why a job failed behind a bare string', async () => {
    const response = await simulator.call(path, chat('hi', { model: 'nope' }))
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({ error: 'Error processing the request' })
  })

  test('does not know other endpoints or operations', async () => {
    expect((await simulator.call('/v2/nope/openai/v1/models')).status).toBe(404)
    expect((await simulator.call('/v2/sim-phi/nope')).status).toBe(404)
  })

  test('goes on generating for a client that left', async () => {
    const before = await seen(simulator, ({ openConnections }) => openConnections === 0)
    const leaving = new AbortController()
    const body = chat('[[sim:tokens=1500]]', { stream: true })
    await simulator.call(path, body, { signal: leaving.signal })
    leaving.abort()
    const after = await seen(simulator, (state) => state.completed > before.completed)
    expect(after.generatedTokens - before.generatedTokens).toBe(1500)
    expect([after.aborted, after.openConnections]).toEqual([before.aborted, 0])
  })
})

describe('a client that leaves a stalled answer', () => {
  const simulator = runSimulator({ slotsPerWorker: 1, workersMax: 1 })

  test('frees the place at the worker', async () => {
    const leaving = new AbortController()
    const body = chat('[[sim:stall-after=1]]', { stream: true })
    await simulator.call(path, body, { signal: leaving.signal })
    leaving.abort()
    const next = await simulator.call(path, chat('hi', { max_tokens: 1 }))
    expect(next.status).toBe(200)
  })
})

describe('a cold endpoint', () => {
  const simulator = runSimulator({ coldMs: 150 })

  test('holds the connection without a byte until its worker is ready', async () => {
    const call = request(`${simulator.url()}${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer sim-key', 'content-type': 'application/json' },
    })
    call.end(JSON.stringify(chat('hi', { stream: true })))
    const asked = performance.now()
    const [socket] = await once(call, 'socket')
    const state = await seen(simulator, ({ queued }) => queued === 1)
    expect(state.workers).toMatchObject({ idle: 0, initializing: 1, running: 0 })
    expect(socket.bytesRead).toBe(0)
    const [response] = await once(call, 'response')
    expect(performance.now() - asked).toBeGreaterThanOrEqual(149)
    response.resume()
    await once(response, 'end')
  })

  test('is warm afterwards, and cold again when it is told so', async () => {
    await simulator.call(path, chat('hi', { max_tokens: 1 }))
    expect((await seen(simulator, () => true)).workers.idle).toBe(1)
    await simulator.call('/__control/cold', { endpoint: 'sim-phi' })
    expect((await seen(simulator, () => true)).workers.idle).toBe(0)
  })
})

describe('set to do so, the OpenAI route', () => {
  const simulator = runSimulator({ disconnectCancels: true, routeErrors: 'vllm' })

  test('stops the job of a client that left', async () => {
    const leaving = new AbortController()
    const body = chat('[[sim:stall-after=1]]', { stream: true })
    await simulator.call(path, body, { signal: leaving.signal })
    leaving.abort()
    const { running } = await seen(simulator, ({ aborted }) => aborted === 1)
    expect(running).toBe(0)
  })

  test('lets through what vLLM said', async () => {
    const response = await simulator.call(path, chat('hi', { model: 'nope' }))
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { type: 'NotFoundError' } })
  })
})

describe('an edge with little patience', () => {
  const simulator = runSimulator({ edgeTimeoutMs: 50 })

  test('gives up before the first byte with its page', async () => {
    const response = await simulator.call(path, chat('[[sim:slow-first=60000]]'))
    expect([response.status, response.headers.get('content-type')]).toEqual([
      524,
      'text/html; charset=UTF-8',
    ])
  })
})

describe('a stream that lives only so long', () => {
  const simulator = runSimulator({ streamLifetimeMs: 50 })

  test('ends cleanly and unfinished, and its job goes on', async () => {
    const body = chat('[[sim:stall-after=2]]', { stream: true })
    const response = await simulator.call(path, body)
    const { contents, finish, isDone } = readAnswer(await response.text())
    expect([contents, finish, isDone]).toEqual([2, null, false])
    expect((await seen(simulator, () => true)).running).toBe(1)
  })
})
