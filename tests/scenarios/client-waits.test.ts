import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { flood } from '../support/flood.ts'
import { callRows } from '../support/ledger-rows.ts'
import {
  answerWhole,
  beginStream,
  goodAnswer,
  startUpstream,
} from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway } from '../support/test-gateway.ts'

describe.each(kinds)('in front of %s', (kind) => {
  const slots = 1

  test('a stream that waits gets comments, and then its answer', async () => {
    await using upstream = await startUpstream()
    const config = { relay: { keepAliveMs: 20 } }
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots, config })
    const client = gateway.open(chat({ stream: true }))
    const call = await upstream.nextCall()
    await client.seen(': podgate waiting\n\n: podgate waiting\n\n')
    const head = await client.head
    expect(head.statusCode).toBe(200)
    expect(head.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    goodAnswer(call)
    expect(await client.ended).toBe('whole')
    const { events, isDone } = eventsOf(client.text())
    expect(isDone).toBe(true)
    expect(events).toHaveLength(4)
  })

  test('a heartbeat is shorter than half of what the SDK waits between bytes', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots })
    const headers = { 'x-stainless-read-timeout': '0.2' }
    const startedAtMs = performance.now()
    const client = gateway.open(chat({ stream: true }), { headers })
    await client.seen(': podgate')
    expect(performance.now() - startedAtMs).toBeLessThan(1_000)
    goodAnswer(await upstream.nextCall())
    expect(await client.ended).toBe('whole')
  })

  test('a failure after a heartbeat is one error event', async () => {
    await using upstream = await startUpstream()
    const config = { relay: { keepAliveMs: 20 } }
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots, config })
    const client = gateway.open(chat({ stream: true }))
    const call = await upstream.nextCall()
    await client.seen(': podgate')
    answerWhole(call, '{"error":{"message":"x","code":500}}', 500)
    expect(await client.ended).toBe('whole')
    const { events, isDone } = eventsOf(client.text())
    expect(isDone).toBe(false)
    expect(events).toMatchObject([{ error: { code: 'upstream_bad_answer' } }])
    expect(callRows(gateway.ledgerPath)).toMatchObject([{ outcome: 'failed', status: 200 }])
  })

  test('a client that does not read its stream is cut, and its place is free', async () => {
    await using upstream = await startUpstream()
    const config = { relay: { slowClientMs: 200 } }
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots, config })
    const client = gateway.open(chat({ stream: true }), { reads: false })
    const call = await upstream.nextCall()
    beginStream(call)
    const offered = flood(call)
    await call.closed
    await offered
    await gateway.logged({ event: 'call', outcome: 'slow_client', error_code: 'slow_client' })
    client.read()
    expect(await client.ended).toBe('cut')
    expect(client.text()).not.toContain('[DONE]')

    const next = gateway.open(chat({ stream: true }))
    goodAnswer(await upstream.nextCall())
    expect(await next.ended).toBe('whole')
    const [row] = callRows(gateway.ledgerPath)
    expect(row).toMatchObject({ outcome: 'slow_client', status: 200, usage_source: 'running' })
    expect(row?.completion_tokens).toBeGreaterThan(0)
    expect(row?.completion_tokens).toBeLessThan(await offered)
    expect(await gateway.metrics()).toMatch(
      /^podgate_requests_total\{.*outcome="slow_client".*\} 1$/m,
    )
  })

  test('a slow reader of a whole answer does not hold the place', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots })
    const slow = gateway.open(chat(), { reads: false })
    const content = 'x'.repeat(20_000_000)
    answerWhole(
      await upstream.nextCall(),
      JSON.stringify({
        choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      }),
    )
    await gateway.logged({ event: 'call', outcome: 'ok' })
    const next = gateway.open(chat({ stream: true }))
    goodAnswer(await upstream.nextCall())
    expect(await next.ended).toBe('whole')
    slow.read()
    expect(await slow.ended).toBe('whole')
    expect(JSON.parse(slow.text()).choices[0].message.content).toHaveLength(content.length)
  })
})

test('beyond its rate a key is told exactly when to come again', async () => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await startTestGateway({
    baseUrl: upstream.url,
    config: { limits: { requestsPerMinute: 2 } },
  })
  const first = await gateway.post(chat())
  expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
  expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
  expect(first.headers.get('x-ratelimit-reset-requests')).toMatch(/^(30s|29\.\d+s)$/)
  expect((await gateway.post(chat())).headers.get('x-ratelimit-remaining-requests')).toBe('0')

  const refused = await gateway.post(chat())
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
})
