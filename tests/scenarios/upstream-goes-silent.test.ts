import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { configSchema } from '#src/app/index.ts'
import { eventsOf } from '../support/client-call.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  beginStream,
  chunk,
  goodAnswer,
  type Script,
  startUpstream,
  usageOf,
} from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const silenceMs = 300
const graceMs = 1_000
const config = {
  upstreams: { connectMs: silenceMs, firstByteMs: silenceMs, betweenChunksMs: silenceMs },
}

const saysNothing: Script = () => {}
const sendsHeaders: Script = (call) => {
  beginStream(call)
  call.response.flushHeaders()
}
const sendsWholeHeaders: Script = ({ response }) => {
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
}
const stalls: Script = (call) => {
  beginStream(call)
  call.response.write(chunk('Hello', { usage: usageOf(11, 1) }))
}
const stallsInAWholeAnswer: Script = ({ response }) => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"id":')
}

/* biome-ignore format: a table reads as a table */
const silences = [
  { name: 'never answers a stream', script: saysNothing, stream: true, code: 'first_byte_timeout' },
  { name: 'never answers', script: saysNothing, stream: false, code: 'first_byte_timeout' },
  { name: 'sends only headers of a stream', script: sendsHeaders, stream: true, code: 'first_byte_timeout' },
  { name: 'sends only headers', script: sendsWholeHeaders, stream: false, code: 'first_byte_timeout' },
  { name: 'stalls in a whole answer', script: stallsInAWholeAnswer, stream: false, code: 'first_byte_timeout' },
]

describe.each(kinds)('in front of %s', (kind) => {
  test.each(silences)('an upstream that $name is a 504', async ({ script, stream, code }) => {
    await using upstream = await startUpstream(only(script))
    const at = { baseUrl: upstream.url, kind, slots: 1, config }
    await using gateway = await startTestGateway(at)
    const answer = gateway.post(chat({ stream }))
    const call = await upstream.nextCall()
    const startedAtMs = performance.now()
    const response = await answer
    expect(response.status).toBe(504)
    expect(await response.json()).toMatchObject({ error: { type: 'timeout_error', code } })
    expect(response.headers.get('retry-after')).toBe('1')
    expect(performance.now() - startedAtMs).toBeLessThan(silenceMs + graceMs)
    await call.closed
    await expectNextAnswers(gateway)
    expect(callRows(gateway.ledgerPath)[0]).toMatchObject({
      outcome: 'timeout',
      status: 504,
      error_code: code,
      charge_nano_usd: 0,
    })
    await gateway.gateway.close()
    expect(attemptRows(gateway.ledgerPath)[0]).toMatchObject({
      result: 'faulted',
      fault: code,
      waste_reason: kind === 'runpod' ? 'orphan' : 'timeout',
    })
  })

  test('an upstream that stalls mid-stream is one error event', async () => {
    await using upstream = await startUpstream(only(stalls))
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1, config })
    const client = gateway.open(chat({ stream: true }))
    await client.seen('Hello')
    const stalledAtMs = performance.now()
    expect(await client.ended).toBe('whole')
    expect(performance.now() - stalledAtMs).toBeLessThan(silenceMs + graceMs)
    const { events, isDone } = eventsOf(client.text())
    expect(isDone).toBe(false)
    expect(events.slice(1)).toMatchObject([{ error: { code: 'upstream_stalled' } }])
    await upstream.calls[0]?.closed
    await expectNextAnswers(gateway)
    expect(callRows(gateway.ledgerPath)[0]).toMatchObject({
      outcome: 'timeout',
      status: 200,
      prompt_tokens: 11,
      completion_tokens: 1,
      usage_source: 'running',
    })
  })

  test.each([
    ['the client’s own deadline', { 'x-podgate-deadline-ms': '150' }, {}],
    ['an SDK’s timeout', { 'x-stainless-timeout': '0.15' }, {}],
    ['the configured total', {}, { totalMs: 150 }],
  ])('%s ends a whole answer with 504', async (_name, headers, relay) => {
    await using upstream = await startUpstream(only(saysNothing))
    const at = { baseUrl: upstream.url, kind, slots: 1, config: { relay } }
    await using gateway = await startTestGateway(at)
    const answer = gateway.post(chat(), { headers })
    await upstream.nextCall()
    const startedAtMs = performance.now()
    const response = await answer
    expect(response.status).toBe(504)
    expect(await response.json()).toMatchObject({ error: { code: 'deadline_exceeded' } })
    expect(performance.now() - startedAtMs).toBeLessThan(150 + graceMs)
    await upstream.calls[0]?.closed
    await gateway.gateway.close()
    expect(callRows(gateway.ledgerPath)).toMatchObject([{ outcome: 'timeout' }])
  })

  test('a deadline ends a stream that goes on and on, with one error event', async () => {
    await using upstream = await startUpstream(only(stalls))
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1 })
    const headers = { 'x-podgate-deadline-ms': '500' }
    const client = gateway.open(chat({ stream: true }), { headers })
    const startedAtMs = performance.now()
    expect(await client.ended).toBe('whole')
    expect(performance.now() - startedAtMs).toBeLessThan(500 + graceMs)
    const { events, isDone } = eventsOf(client.text())
    expect(isDone).toBe(false)
    expect(events.slice(1)).toMatchObject([{ error: { code: 'deadline_exceeded' } }])
    await upstream.calls[0]?.closed
    await expectNextAnswers(gateway)
  })

  test('a deadline ends the wait in the queue, and the place is not lost', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1 })
    const first = gateway.open(chat({ stream: true }))
    const running = await upstream.nextCall()
    const queued = await gateway.post(chat(), { headers: { 'x-podgate-deadline-ms': '60' } })
    expect(queued.status).toBe(504)
    goodAnswer(running)
    expect(await first.ended).toBe('whole')
    const next = gateway.open(chat({ stream: true }))
    goodAnswer(await upstream.nextCall())
    expect(await next.ended).toBe('whole')
    expect(upstream.calls).toHaveLength(2)
  })

  test('an upstream that cannot be reached is a 502, tried twice and wasting nothing', async () => {
    const upstream = await startUpstream(goodAnswer)
    await upstream[Symbol.asyncDispose]()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1, config })
    const startedAtMs = performance.now()
    const response = await gateway.post(chat())
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { code: 'upstream_unreachable' } })
    expect(performance.now() - startedAtMs).toBeLessThan(graceMs)
    expect((await gateway.post(chat())).status).toBe(502)
    await gateway.gateway.close()
    const rows = attemptRows(gateway.ledgerPath)
    expect(rows).toHaveLength(4)
    for (const row of rows) {
      expect(row).toMatchObject({ released: 'unsent', cancellation: 'none', wasted_seconds: 0 })
    }
  })

  test('an upstream that accepts and never becomes a connection is a 502', async () => {
    // What listens there never answers a TLS hello.
    const server = createServer((socket) => void socket.on('error', () => {}))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const baseUrl = `https://127.0.0.1:${port}`
    await using gateway = await startTestGateway({ baseUrl, kind, slots: 1, config })
    const startedAtMs = performance.now()
    const response = await gateway.post(chat())
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { code: 'upstream_unreachable' } })
    expect(performance.now() - startedAtMs).toBeLessThan(2 * silenceMs + graceMs)
    const closedAtMs = performance.now()
    await gateway.gateway.close()
    expect(performance.now() - closedAtMs).toBeLessThan(graceMs)
    server.close()
  })
})

test('the deadlines are those that are promised', () => {
  const nothingGiven = Object.fromEntries(Object.keys(configSchema.shape).map((name) => [name, {}]))
  const { upstreams, relay, routing, limits } = configSchema.parse(nothingGiven)
  expect(upstreams).toMatchObject({
    connectMs: 5_000,
    firstByteMs: 280_000,
    betweenChunksMs: 60_000,
    orphanHoldMs: 15_000,
  })
  expect(relay).toMatchObject({ totalMs: 600_000, keepAliveMs: 10_000 })
  expect(routing).toMatchObject({ waitingMax: 100 })
  expect(limits).toMatchObject({ requestsPerMinute: 100 })
})

/** Misbehaves once; whoever comes next gets an answer, if there is a place. */
function only(script: Script): Script {
  let isFirst = true
  return (call) => {
    if (isFirst) script(call)
    else goodAnswer(call)
    isFirst = false
  }
}

async function expectNextAnswers(gateway: TestGateway): Promise<void> {
  const response = await gateway.post(chat({ stream: true }))
  expect(await response.text()).toContain('data: [DONE]')
}
