// An attacker over its rate sends bodies that are dear to read, or requests that must be refused:
// its request is taken before the body is read, and what is refused counts as well.
import { describe, expect, test } from 'vitest'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { chat, startTestGateway, type TestGateway, testKey } from '../support/test-gateway.ts'

const config = { limits: { requestsPerMinute: 2 }, http: { bodyBytesMax: 4096 } }
const rateLimited = { error: { type: 'requests', code: 'rate_limit_exceeded' } }

function start(baseUrl = 'http://127.0.0.1:9', given = config) {
  return startTestGateway({ baseUrl, config: given })
}

async function remaining(gateway: TestGateway): Promise<unknown> {
  const key = (await (await gateway.get('/v1/key')).json()) as { limits: Record<string, unknown> }
  return key.limits.requests_remaining
}

describe('a request of a model route that is refused with', () => {
  /* biome-ignore format: a table reads as a table */
  test.each<[status: number, what: string, body: unknown, path?: string]>([
    [400, 'a body that is no JSON', '{'],
    [400, 'a wrong parameter', chat({ temperature: 7 })],
    [404, 'an unknown model', chat({ model: 'another' })],
    [413, 'a body that is too large', chat({ user: 'x'.repeat(5000) })],
  ])('%i for %s counts, and says what is left', async (status, _what, body) => {
    await using gateway = await start()
    const refused = await gateway.post(body)
    expect(refused.status).toBe(status)
    expect(refused.headers.get('x-ratelimit-limit-requests')).toBe('2')
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    expect(await remaining(gateway)).toBe(1)
  })

  test('403 for a model or a scope that the key does not have counts', async () => {
    await using gateway = await start()
    const admin = { authorization: 'Bearer admin-key-0123456789abcdef' }
    const made = await fetch(`${gateway.url}/admin/keys`, {
      method: 'POST',
      headers: { ...admin, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'narrow', scopes: ['embeddings'], models: ['other'] }),
    })
    const { secret } = (await made.json()) as { secret: string }
    const headers = { authorization: `Bearer ${secret}` }
    for (const path of ['/v1/chat/completions', '/v1/embeddings']) {
      const body = path === '/v1/embeddings' ? { model: 'test-model', input: 'Hi' } : chat()
      expect((await gateway.post(body, { headers }, path)).status).toBe(403)
    }
    const over = await gateway.post(chat(), { headers })
    expect(over.status).toBe(429)
    expect(await over.json()).toMatchObject(rateLimited)
  })
})

test('a body over the rate is refused before it is read', async () => {
  await using gateway = await start()
  for (let n = 0; n < 2; n += 1) await gateway.post('{')
  // No JSON either: had it been read, this would be a 400.
  const refused = await gateway.post('{')
  expect(refused.status).toBe(429)
  expect(await refused.json()).toMatchObject(rateLimited)
  expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0')
  expect(refused.headers.get('x-ratelimit-reset-requests')).toMatch(/^(1m0s|59(\.\d+)?s)$/)
  expect(await gateway.logged({ event: 'refused', status: 429 })).toMatchObject({
    surface: 'openai-chat',
    error_code: 'rate_limit_exceeded',
  })
})

test('a client that asks first is not told to send a body over its rate', async () => {
  await using gateway = await start()
  for (let n = 0; n < 2; n += 1) await gateway.post('{')
  const client = gateway.open(chat(), { headers: { expect: '100-continue' } })
  expect((await client.head).statusCode).toBe(429)
  client.leave('close')
})

describe('a call that finds no place gives its request back', () => {
  test('in the line of its key', async () => {
    await using upstream = await startUpstream()
    const limits = { requestsPerMinute: 2, concurrencyMax: 1, concurrencyWaitingMax: 0 }
    await using gateway = await start(upstream.url, { ...config, limits })
    const first = gateway.post(chat())
    const call = await upstream.nextCall()
    for (let n = 0; n < 3; n += 1) {
      const refused = await gateway.post(chat())
      expect(await refused.json()).toMatchObject({ error: { type: 'requests' } })
      expect(refused.headers.get('x-ratelimit-remaining-requests')).not.toBeNull()
      expect(await remaining(gateway)).toBe(1)
    }
    goodAnswer(call)
    expect((await first).status).toBe(200)
  })

  test('in the line of its model', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({
      baseUrl: upstream.url,
      slots: 1,
      config: { ...config, routing: { waitingMax: 0 } },
    })
    const first = gateway.post(chat())
    const call = await upstream.nextCall()
    for (let n = 0; n < 3; n += 1) {
      const refused = await gateway.post(chat())
      expect(await refused.json()).toMatchObject({ error: { type: 'overloaded' } })
      expect(await remaining(gateway)).toBe(1)
    }
    goodAnswer(call)
    expect((await first).status).toBe(200)
  })
})

test('what is no model route costs no request', async () => {
  await using gateway = await start()
  for (let n = 0; n < 5; n += 1) {
    expect((await gateway.get('/v1/models', testKey)).status).toBe(200)
    expect((await gateway.post('{}', {}, '/v1/unknown')).status).toBe(404)
  }
  expect(await remaining(gateway)).toBe(2)
})
