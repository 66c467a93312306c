// Upstreams that say nothing, or nothing more: each silence ends in its own time, and is told once.
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { configurationOf } from '#src/app/index.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  type Asking,
  answerGood,
  askedOf,
  askings,
  readAnswer,
  streamAskings,
  wholeAskings,
} from '../support/openai-surfaces.ts'
import {
  beginStream,
  goodAnswer,
  type Script,
  startUpstream,
  type UpstreamCall,
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
  beginAnswer(call)
  call.response.flushHeaders()
}
const stalls: Script = (call) => {
  const { words } = askedOf(call)
  beginAnswer(call)
  call.response.write(words?.chunk('Hello', { usage: usageOf(11, 1) }) ?? '{"id":')
}

/* biome-ignore format: a table reads as a table */
const silences = [
  { name: 'never answers', script: saysNothing, of: askings },
  { name: 'sends only headers', script: sendsHeaders, of: askings },
  { name: 'stalls in its answer', script: stalls, of: wholeAskings },
].flatMap(({ of, ...silence }) => of.map((asking) => ({ ...silence, asking, what: asking.name })))

describe.each(kinds)('in front of %s', (kind) => {
  test.each(silences)('$what: an upstream that $name is a 504', async ({ script, asking }) => {
    await using upstream = await startUpstream(only(script))
    const at = { baseUrl: upstream.url, kind, slots: 1, config }
    await using gateway = await startTestGateway(at)
    const answer = gateway.post(asking.body(), {}, asking.path)
    const call = await upstream.nextCall()
    const startedAtMs = performance.now()
    const response = await answer
    const code = 'first_byte_timeout'
    expect(response.status).toBe(504)
    expect(await response.json()).toMatchObject({ error: { type: 'timeout_error', code } })
    expect(response.headers.get('retry-after')).toBe('1')
    expect(performance.now() - startedAtMs).toBeLessThan(silenceMs + graceMs)
    await call.closed
    await expectNextAnswers(gateway, asking)
    // One try of the first, and one of the next.
    expect(upstream.calls).toHaveLength(2)
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

  test.each(streamAskings)('$name: an upstream that stalls is one error event', async (asking) => {
    await using upstream = await startUpstream(only(stalls))
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1, config })
    const client = gateway.open(asking.body(), {}, asking.path)
    await client.seen('Hello')
    const stalledAtMs = performance.now()
    expect(await client.ended).toBe('whole')
    expect(performance.now() - stalledAtMs).toBeLessThan(silenceMs + graceMs)
    expectBrokenOff(asking, client.text(), 'upstream_stalled')
    await upstream.calls[0]?.closed
    await expectNextAnswers(gateway, asking)
    expect(upstream.calls).toHaveLength(2)
    expect(callRows(gateway.ledgerPath)[0]).toMatchObject({
      outcome: 'timeout',
      status: 200,
      prompt_tokens: 11,
      completion_tokens: 1,
      usage_source: 'running',
    })
  })

  describe.each(wholeAskings)('$name', (asking) => {
    test.each([
      ['the client’s own deadline', { 'x-podgate-deadline-ms': '150' }, {}],
      ['an SDK’s timeout', { 'x-stainless-timeout': '0.15' }, {}],
      ['the configured total', {}, { totalMs: 150 }],
    ])('%s ends an answer with 504', async (_name, headers, relay) => {
      await using upstream = await startUpstream(only(saysNothing))
      const at = { baseUrl: upstream.url, kind, slots: 1, config: { relay } }
      await using gateway = await startTestGateway(at)
      const answer = gateway.post(asking.body(), { headers }, asking.path)
      // On a busy machine the time may be over before the upstream hears of it.
      await Promise.race([upstream.nextCall(), answer])
      const startedAtMs = performance.now()
      const response = await answer
      expect(response.status).toBe(504)
      expect(await response.json()).toMatchObject({ error: { code: 'deadline_exceeded' } })
      expect(performance.now() - startedAtMs).toBeLessThan(150 + graceMs)
      await upstream.calls[0]?.closed
      await gateway.gateway.close()
      expect(callRows(gateway.ledgerPath)).toMatchObject([{ outcome: 'timeout' }])
    })
  })

  test.each(streamAskings)('$name: a deadline ends what goes on and on', async (asking) => {
    await using upstream = await startUpstream(only(stalls))
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1 })
    const headers = { 'x-podgate-deadline-ms': '500' }
    const client = gateway.open(asking.body(), { headers }, asking.path)
    const startedAtMs = performance.now()
    expect(await client.ended).toBe('whole')
    expect(performance.now() - startedAtMs).toBeLessThan(500 + graceMs)
    expectBrokenOff(asking, client.text(), 'deadline_exceeded')
    await upstream.calls[0]?.closed
    await expectNextAnswers(gateway, asking)
  })

  test.each(askings)('$name: a deadline ends the wait in the queue', async (asking) => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1 })
    const first = gateway.open(asking.body(), {}, asking.path)
    const running = await upstream.nextCall()
    const headers = { 'x-podgate-deadline-ms': '60' }
    const queued = await gateway.post(asking.body(), { headers }, asking.path)
    expect(queued.status).toBe(504)
    answerGood(running)
    expect(await first.ended).toBe('whole')
    // And the place is not lost.
    const next = gateway.open(asking.body(), {}, asking.path)
    answerGood(await upstream.nextCall())
    expect(await next.ended).toBe('whole')
    expect(upstream.calls).toHaveLength(2)
  })

  test('an upstream that cannot be reached is a 502, tried twice and wasting nothing', async () => {
    const upstream = await startUpstream(goodAnswer)
    const tried = { ...config, routing: { retries: true } }
    await upstream[Symbol.asyncDispose]()
    await using gateway = await startTestGateway({
      baseUrl: upstream.url,
      kind,
      slots: 1,
      config: tried,
    })
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
  const { schema } = configurationOf()
  const nothingGiven = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, {}]))
  const { upstreams, relay, routing, limits } = schema.parse(nothingGiven)
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
    else answerGood(call)
    isFirst = false
  }
}

function beginAnswer(call: UpstreamCall): void {
  if (askedOf(call).words !== null) return beginStream(call)
  call.response.writeHead(200, { 'content-type': 'application/json' })
}

function expectBrokenOff(asking: Asking, text: string, code: string): void {
  const said = readAnswer(asking, text)
  expect(said).toMatchObject({ text: 'Hello', isComplete: false, errors: [{ error: { code } }] })
  expect(text).not.toContain('[DONE]')
}

async function expectNextAnswers(gateway: TestGateway, asking: Asking): Promise<void> {
  const response = await gateway.post(asking.body(), {}, asking.path)
  expect(readAnswer(asking, await response.text())).toMatchObject({ isComplete: true })
}
