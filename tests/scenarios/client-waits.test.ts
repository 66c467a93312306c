// Clients that wait for their answers, or whose answers wait for them.
import { describe, expect, test } from 'vitest'
import type { ClientOptions } from '../support/client-call.ts'
import { flood } from '../support/flood.ts'
import { callRows } from '../support/ledger-rows.ts'
import {
  answerGood,
  askings,
  readAnswer,
  streamAskings,
  wholeAskings,
} from '../support/openai-surfaces.ts'
import { answerWhole, beginStream, startUpstream } from '../support/scripted-upstream.ts'
import { kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const good = { text: 'Hello there', isComplete: true, errors: [] }

const slots = 1

describe.each(kinds)('in front of %s', (kind) => {
  describe.each(streamAskings)('$name', (asking) => {
    // As many tokens as come: what is beyond a call's bound is not believed.
    const open = (gateway: TestGateway, options: ClientOptions = {}) =>
      gateway.open({ ...asking.body(), max_tokens: 4000 }, options, asking.path)

    test('a stream that waits gets comments, and then its answer', async () => {
      await using upstream = await startUpstream()
      const config = { relay: { keepAliveMs: 20 } }
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots, config })
      const client = open(gateway)
      const call = await upstream.nextCall()
      await client.seen(': podgate waiting\n\n: podgate waiting\n\n')
      const head = await client.head
      expect(head.statusCode).toBe(200)
      expect(head.headers['content-type']).toBe('text/event-stream; charset=utf-8')
      answerGood(call)
      expect(await client.ended).toBe('whole')
      expect(readAnswer(asking, client.text())).toMatchObject(good)
    })

    test('a heartbeat is shorter than half of what the SDK waits between bytes', async () => {
      await using upstream = await startUpstream()
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots })
      const headers = { 'x-stainless-read-timeout': '0.2' }
      const startedAtMs = performance.now()
      const client = open(gateway, { headers })
      await client.seen(': podgate')
      expect(performance.now() - startedAtMs).toBeLessThan(1_000)
      answerGood(await upstream.nextCall())
      expect(await client.ended).toBe('whole')
    })

    test('a failure after a heartbeat is one error event', async () => {
      await using upstream = await startUpstream()
      const config = { relay: { keepAliveMs: 20 } }
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots, config })
      const client = open(gateway)
      const call = await upstream.nextCall()
      await client.seen(': podgate')
      answerWhole(call, '{"error":{"message":"x","code":500}}', 500)
      expect(await client.ended).toBe('whole')
      expect(readAnswer(asking, client.text())).toMatchObject({
        text: '',
        isComplete: false,
        errors: [{ error: { code: 'upstream_bad_answer' } }],
      })
      expect(client.text()).not.toContain('[DONE]')
      expect(callRows(gateway.ledgerPath)).toMatchObject([{ outcome: 'failed', status: 200 }])
    })

    test('a client that does not read its stream is cut, and its place is free', async () => {
      await using upstream = await startUpstream()
      const config = { relay: { slowClientMs: 200 } }
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots, config })
      const client = open(gateway, { reads: false })
      const call = await upstream.nextCall()
      beginStream(call)
      const offered = flood(call)
      await call.closed
      await offered
      await gateway.logged({ event: 'call', outcome: 'slow_client', error_code: 'slow_client' })
      client.read()
      expect(await client.ended).toBe('cut')
      expect(client.text()).not.toContain('[DONE]')

      const next = open(gateway)
      answerGood(await upstream.nextCall())
      expect(await next.ended).toBe('whole')
      const [row] = callRows(gateway.ledgerPath)
      expect(row).toMatchObject({ outcome: 'slow_client', status: 200, usage_source: 'running' })
      expect(row?.completion_tokens).toBeGreaterThan(0)
      expect(row?.completion_tokens).toBeLessThan(await offered)
      expect(await gateway.metrics()).toMatch(
        /^podgate_requests_total\{.*outcome="slow_client".*\} 1$/m,
      )
    })
  })

  test.each(wholeAskings)('$name: a slow reader does not hold the place', async (asking) => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots })
    const slow = gateway.open(asking.body(), { reads: false }, asking.path)
    const content = 'x'.repeat(20_000_000)
    answerWhole(await upstream.nextCall(), asking.surface.whole(content))
    await gateway.logged({ event: 'call', outcome: 'ok' })
    const next = gateway.open(asking.body(), {}, asking.path)
    answerGood(await upstream.nextCall())
    expect(await next.ended).toBe('whole')
    slow.read()
    expect(await slow.ended).toBe('whole')
    expect(readAnswer(asking, slow.text()).text).toHaveLength(content.length)
  })
})

test.each(askings)("$name: an answer tells what is left of its key's rate", async (asking) => {
  await using upstream = await startUpstream(answerGood)
  await using gateway = await startTestGateway({
    baseUrl: upstream.url,
    config: { limits: { requestsPerMinute: 2 } },
  })
  const first = await gateway.post(asking.body(), {}, asking.path)
  expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
  expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
  expect(first.headers.get('x-ratelimit-reset-requests')).toMatch(/^(30s|29\.\d+s)$/)
  const second = await gateway.post(asking.body(), {}, asking.path)
  expect(second.headers.get('x-ratelimit-remaining-requests')).toBe('0')
  for (const answer of [first, second]) await answer.text()
})

test.each(askings)(
  '$name: beyond its rate a key is told exactly when to come again',
  async (asking) => {
    await using upstream = await startUpstream(answerGood)
    await using gateway = await startTestGateway({
      baseUrl: upstream.url,
      config: { limits: { requestsPerMinute: 2 } },
    })
    for (let call = 0; call < 2; call += 1) {
      await (await gateway.post(asking.body(), {}, asking.path)).text()
    }
    const refused = await gateway.post(asking.body(), {}, asking.path)
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({
      error: { type: 'requests', code: 'rate_limit_exceeded', param: null },
    })
    // One request comes back every 30 s.
    const etaMs = Number(refused.headers.get('retry-after-ms'))
    expect(etaMs).toBeGreaterThan(25_000)
    expect(etaMs).toBeLessThanOrEqual(30_000)
    expect(refused.headers.get('x-podgate-eta-ms')).toBe(String(etaMs))
    expect(refused.headers.get('retry-after')).toBe(String(Math.ceil(etaMs / 1000)))
    expect(refused.headers.get('x-should-retry')).toBeNull()
    expect(refused.headers.get('x-ratelimit-limit-requests')).toBe('2')
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0')
    expect(refused.headers.get('x-ratelimit-reset-requests')).toMatch(/^(1m0s|5\d\.\d+s)$/)
    expect(upstream.calls).toHaveLength(2)
    expect(callRows(gateway.ledgerPath)).toHaveLength(2)
  },
)
