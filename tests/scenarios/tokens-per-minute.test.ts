// A key with a limit of tokens per minute, over the whole gateway: what a call may take is reserved
// before it, what it did not take comes back with its record, and every answer tells what is left.
import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { callRows } from '../support/ledger-rows.ts'
import { askings } from '../support/openai-surfaces.ts'
import {
  answerWhole,
  goodAnswer,
  type Script,
  startUpstream,
  usageOf,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import { chat, startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

/** A call of 9 tokens may take the bytes of its body, 1024 of its template, and 32. */
const asked = { max_tokens: 32 }
const limit = 3_000
const tokens = 'x-ratelimit-remaining-tokens'

function start(baseUrl: string, tokensPerMinute = limit) {
  return startTestGateway({ baseUrl, config: { limits: { tokensPerMinute } } })
}

async function remaining(gateway: TestGateway): Promise<number> {
  const key = (await (await gateway.get('/v1/key')).json()) as { limits: Record<string, number> }
  return key.limits.tokens_remaining ?? Number.NaN
}

/** All but so many are there, or more: some have come back since. */
async function comesBack(gateway: TestGateway, used: number): Promise<void> {
  await until('the rest comes back', async () => (await remaining(gateway)) >= limit - used)
}

const bound = (body: unknown) => JSON.stringify(body).length + 1024 + asked.max_tokens

test('what a call may take is gone while it runs, and what it did not take is back behind it', async () => {
  await using upstream = await startUpstream()
  await using gateway = await start(upstream.url)
  const body = chat(asked)
  const answer = gateway.post(body)
  const call = await upstream.nextCall()
  const left = limit - bound(body)
  expect(await remaining(gateway)).toBeGreaterThanOrEqual(left)
  expect(await remaining(gateway)).toBeLessThan(left + 200)
  const [told, counted] = [usageOf(11, 5), usageOf(1000, 30)].map((one) => JSON.stringify(one))
  answerWhole(call, wholeAnswer('Hi').replace(told ?? '', counted ?? ''))
  const response = await answer
  expect(response.headers.get('x-ratelimit-limit-tokens')).toBe(String(limit))
  expect(Number(response.headers.get(tokens))).toBeGreaterThanOrEqual(left)
  expect(response.headers.get('x-ratelimit-reset-tokens')).toMatch(/^(\d+m)?\d+(\.\d+)?m?s$/)
  await comesBack(gateway, 1030)
  expect(await remaining(gateway)).toBeLessThan(limit - 500)
})

describe('everything comes back behind', () => {
  /* biome-ignore format: a table reads as a table */
  test.each<[string, Script]>([
    ['a failure',        (call) => answerWhole(call, '{"error":{"code":500}}', 500)],
    ['a broken connection', ({ socket }) => void socket.destroy()],
  ])('%s', async (_what, script) => {
    await using upstream = await startUpstream(script)
    await using gateway = await start(upstream.url)
    expect((await gateway.post(chat(asked))).status).toBeGreaterThanOrEqual(500)
    await comesBack(gateway, 0)
  })

  test('an upstream that is not there', async () => {
    await using gateway = await start('http://127.0.0.1:9')
    expect((await gateway.post(chat(asked))).status).toBe(502)
    await comesBack(gateway, 0)
  })
})

test('a client that hangs up gets back all but the prompt that was read for it', async () => {
  await using upstream = await startUpstream()
  await using gateway = await start(upstream.url)
  const content = 'word '.repeat(320)
  const client = gateway.open(chat({ ...asked, messages: [{ role: 'user', content }] }))
  await upstream.nextCall()
  client.leave('close')
  await gateway.logged({ event: 'call', outcome: 'client_gone' })
  await comesBack(gateway, 420)
  expect(await remaining(gateway)).toBeLessThan(limit - 100)
})

test('a call for which too few are left is a 429 of type tokens that tells the exact wait', async () => {
  await using upstream = await startUpstream()
  await using gateway = await start(upstream.url)
  const running = [gateway.post(chat(asked)), gateway.post(chat(asked))]
  const calls = [await upstream.nextCall(), await upstream.nextCall()]
  const body = chat(asked)
  const refused = await gateway.post(body)
  expect(refused.status).toBe(429)
  expect(await refused.json()).toMatchObject({
    error: { type: 'tokens', code: 'rate_limit_exceeded', param: null },
  })
  const waitMs = ((3 * bound(body) - limit) * 60_000) / limit
  const told = Number(refused.headers.get('x-podgate-eta-ms'))
  expect(told).toBeLessThanOrEqual(waitMs)
  expect(told).toBeGreaterThan(waitMs - 2_000)
  expect(refused.headers.get('retry-after')).toBe(String(Math.ceil(told / 1000)))
  expect(refused.headers.get('x-should-retry')).toBeNull()
  expect(Number(refused.headers.get(tokens))).toBeLessThan(bound(body))
  for (const call of calls) goodAnswer(call)
  for (const one of running) expect((await one).status).toBe(200)
  expect(callRows(gateway.ledgerPath)).toHaveLength(2)
})

test('a call that may take more than its key has in a minute is told that no retry helps', async () => {
  await using gateway = await start('http://127.0.0.1:9', 1_000)
  const body = chat(asked)
  const refused = await gateway.post(body)
  expect(refused.status).toBe(429)
  expect(refused.headers.get('x-should-retry')).toBe('false')
  expect(refused.headers.get('retry-after')).toBeNull()
  const { error } = (await refused.json()) as { error: Record<string, string> }
  expect(error).toMatchObject({ type: 'tokens', code: 'rate_limit_exceeded' })
  expect(error.message).toContain(`${bound(body)} tokens`)
  expect(error.message).toContain('1000 per minute')
  expect(await (await gateway.get('/auth/info')).json()).toMatchObject({
    limits: { tokens_per_minute: 1_000 },
  })
})

test.each(askings)(
  '$name: what is left is told with the answer, and with a refusal',
  async (asking) => {
    await using upstream = await startUpstream((call) => goodAnswer(call))
    await using gateway = await start(upstream.url, 1_000_000)
    const response = await gateway.post(asking.body(), {}, asking.path)
    expect(response.headers.get('x-ratelimit-limit-tokens')).toBe('1000000')
    await response.text()
    for (const body of ['{', { ...JSON.parse(JSON.stringify(asking.body())), model: 'none' }]) {
      const refused = await gateway.post(body, {}, asking.path)
      expect(refused.status).toBeGreaterThanOrEqual(400)
      expect(refused.headers.get(tokens)).not.toBeNull()
    }
  },
)

describe('every answer to a key with the limit says what is left', () => {
  const told = ['limit', 'remaining', 'reset'].map((what) => `x-ratelimit-${what}-tokens`)
  const text = { headers: { 'content-type': 'text/plain' } }
  const never = { headers: { 'x-podgate-deadline-ms': 'soon' } }

  /* biome-ignore format: a table reads as a table */
  test.each<[status: number, what: string, path: string, init?: RequestInit, body?: unknown]>([
    [200, 'a call',                    '/v1/chat/completions'],
    [200, 'a stream',                  '/v1/chat/completions', {}, chat({ stream: true })],
    [400, 'a bad parameter',           '/v1/chat/completions', {}, chat({ temperature: 9 })],
    [400, 'a bad header',              '/v1/chat/completions', never],
    [404, 'an unknown model',          '/v1/chat/completions', {}, chat({ model: 'none' })],
    [413, 'a body that is too large',  '/v1/chat/completions', {}, chat({ user: 'x'.repeat(5000) })],
    [415, 'a body of another type',    '/v1/chat/completions', text],
    [405, 'a wrong method',            '/v1/models'],
    [404, 'an unknown route',          '/v1/none'],
    [403, 'a route of administrators', '/admin/keys'],
    [200, 'the models',                '/v1/models', { method: 'GET' }],
    [404, 'a model that is not there', '/v1/models/none', { method: 'GET' }],
    [200, 'the key itself',            '/v1/key', { method: 'GET' }],
    [200, 'who it is',                 '/auth/info', { method: 'GET' }],
    [403, 'the metrics',               '/metrics', { method: 'GET' }],
  ])('%i for %s', async (status, _what, path, init = {}, body = chat()) => {
    await using upstream = await startUpstream((call) => goodAnswer(call))
    const config = { limits: { tokensPerMinute: 100_000 }, http: { bodyBytesMax: 4096 } }
    await using gateway = await startTestGateway({ baseUrl: upstream.url, config })
    const isGet = init.method === 'GET'
    const answer = isGet ? await gateway.get(path) : await gateway.post(body, init, path)
    await answer.text()
    expect(answer.status).toBe(status)
    for (const name of told) expect([name, answer.headers.has(name)]).toEqual([name, true])
  })

  test('429 for its requests per minute, before the body is read', async () => {
    const limits = { tokensPerMinute: 100_000, requestsPerMinute: 1 }
    await using gateway = await startTestGateway({
      baseUrl: 'http://127.0.0.1:9',
      config: { limits },
    })
    await gateway.post('{')
    const refused = await gateway.post('{')
    expect(refused.status).toBe(429)
    for (const name of told) expect(refused.headers.has(name)).toBe(true)
  })

  test('the 200 that a comment begins, before the upstream has answered', async () => {
    await using upstream = await startUpstream()
    const config = { limits: { tokensPerMinute: limit }, relay: { keepAliveMs: 20 } }
    await using gateway = await startTestGateway({ baseUrl: upstream.url, config })
    const body = chat({ ...asked, stream: true })
    const client = gateway.open(body)
    const call = await upstream.nextCall()
    const { headers } = await client.head
    expect(headers['x-ratelimit-limit-tokens']).toBe(String(limit))
    expect(Number(headers[tokens])).toBeLessThan(limit - bound(body) + 200)
    goodAnswer(call)
    expect(await client.ended).toBe('whole')
  })
})

test('a key without a limit is told nothing of tokens', async () => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await startTestGateway({ baseUrl: upstream.url })
  const response = await gateway.post(chat({ stream: true }))
  expect(response.headers.get(tokens)).toBeNull()
  expect(eventsOf(await response.text()).isDone).toBe(true)
  const key = (await (await gateway.get('/v1/key')).json()) as { limits: object }
  expect(key.limits).toMatchObject({ tokens_per_minute: null, tokens_remaining: null })
})
