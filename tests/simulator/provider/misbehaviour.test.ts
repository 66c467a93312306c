// The simulated provider goes wrong on command: which rules and markers meet it, what its client
// sees, and what becomes of its engines.
import { afterEach, describe, expect, test } from 'vitest'
import { readAnswer, readTorn } from '../support/events.ts'
import { chat, runSimulator } from '../support/running.ts'
import { providerCalls } from './provider-calls.ts'

const simulator = runSimulator({ endpoints: { one: { model: 'm' } } })
const { post, errorOf } = providerCalls(simulator)

afterEach(() => simulator.call('/__control/faults', undefined, { method: 'DELETE' }))

const rule = (fault: string, match: object) => simulator.call('/__control/faults', { fault, match })
const ask = (content: string, more: object = {}) =>
  post('chat/completions', chat(content, { model: 'm', ...more }))
const happens = async (event: string, more: object = {}) =>
  (await simulator.call('/__control/engine', { endpoint: 'provider', event, ...more })).json()

describe('a rule', () => {
  test.each([
    ['its name', { endpoint: 'provider' }],
    ['its operation', { operation: 'provider' }],
    ['nothing', {}],
  ])('that matches by %s meets it', async (_, match) => {
    await rule('status=500', match)
    expect((await ask('hello')).status).toBe(500)
  })

  test('for an endpoint or another door leaves it alone', async () => {
    await rule('status=500', { endpoint: 'one' })
    await rule('status=500', { operation: 'engine' })
    expect((await ask('hello')).status).toBe(200)
  })

  test('for it alone leaves the endpoints alone', async () => {
    await rule('status=500', { endpoint: 'provider' })
    const answer = await simulator.call('/engine/one/v1/chat/completions', chat('hello'))
    expect(answer.status).toBe(200)
  })
})

describe('a marker', () => {
  test.each([
    ['status=429', 429, { type: 'requests', code: 'rate_limit_exceeded' }],
    ['status=500', 500, { type: 'server_error', code: null }],
    ['status=401', 401, { code: 'invalid_api_key' }],
    ['busy', 503, { type: 'service_unavailable_error', code: 'server_is_overloaded' }],
    ['engine-dies-after=0', 500, { type: 'server_error', code: null }],
  ])('%s is %i in OpenAI’s envelope', async (marker, status, said) => {
    const answer = await ask(`[[sim:${marker}]]`)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('retry-after')).toBe(status === 429 ? '1' : null)
    expect(await errorOf(answer)).toMatchObject({ param: null, ...said })
  })

  test('error-200 is an error with a status of 200', async () => {
    const answer = await ask('[[sim:error-200]]')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ error: { message: expect.any(String), code: 502 } })
  })

  test('engine-dies-after ends a stream with an error event and no [DONE]', async () => {
    const text = await (await ask('[[sim:engine-dies-after=3]]', { stream: true })).text()
    expect(readAnswer(text)).toMatchObject({ contents: 3, isDone: false, finish: null })
    expect(readAnswer(text).error).toMatch('The server had an error')
    expect(text).not.toContain('EngineCore')
  })

  test('html, cut-after and end-after break a whole answer as everywhere', async () => {
    expect((await ask('[[sim:html=524]]')).headers.get('content-type')).toContain('text/html')
    expect(await readTorn(await ask('[[sim:cut-after=1]]'))).toMatchObject({ torn: true })
    const half = await (await ask('[[sim:end-after=1]]')).text()
    expect(() => JSON.parse(half)).toThrow()
  })

  test('end-after=0 is a stream with headers and little else', async () => {
    const asked = { model: 'm', prompt: '[[sim:end-after=0]]', stream: true }
    const answer = await post('completions', asked)
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })

  test('slow-first holds back the headers of a stream', async () => {
    const asked = performance.now()
    const answer = await ask('[[sim:slow-first=120]]', { stream: true, max_tokens: 1 })
    expect(performance.now() - asked).toBeGreaterThanOrEqual(119)
    expect(Number(answer.headers.get('openai-processing-ms'))).toBeGreaterThan(110)
    await answer.text()
  })

  test('of a worker’s start means nobody here, and stays nowhere', async () => {
    expect((await ask('[[sim:boot-crash]]')).status).toBe(200)
    expect(await (await simulator.call('/__control/faults')).json()).toEqual({ rules: [] })
  })
})

test('its engines die, and come back when they are started', async () => {
  expect(await happens('die')).toEqual({ phase: 'dead' })
  const answer = await ask('hello')
  expect([answer.status, (await errorOf(answer)).type]).toEqual([500, 'server_error'])
  expect(await happens('start')).toEqual({ phase: 'up' })
  expect((await ask('hello')).status).toBe(200)
})

test('its engines are given another size', async () => {
  expect(await happens('resize', { seqsMax: 3 })).toEqual({ phase: 'up', seqsMax: 3 })
  expect((await simulator.state()).provider.sequences.max).toBe(3)
})
