// A gateway process that is told to stop finishes what is under way, refuses new calls, and ends
// in time.
import { Agent, get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { eventsOf, openCall } from '../support/client-call.ts'
import { flood } from '../support/flood.ts'
import { startProcess, urlOf } from '../support/gateway-process.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  answerWhole,
  beginStream,
  chunk,
  done,
  lastChunk,
  startUpstream,
  usageChunk,
  usageOf,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import { chat, modelAt, testKey } from '../support/test-gateway.ts'

const drainMs = 2_500
const graceMs = 2_000
const authorization = `Bearer ${testKey}`

/** A gateway with three streams: one will finish, one never ends, the third is not read. */
async function withStreams() {
  const upstream = await startUpstream()
  onTestFinished(() => upstream[Symbol.asyncDispose]())
  const gateway = startProcess({
    gateway: { http: { drainMs }, upstreams: { orphanHoldMs: 60_000 } },
    models: [
      modelAt({ baseUrl: upstream.url }),
      modelAt({ baseUrl: upstream.url, kind: 'runpod' }, 'podded', 'pod'),
    ],
    env: { API_KEYS: testKey, EXTERNAL_TEST_KEY: 'a-key-of-theirs', RUNPOD_API_KEY: 'another-key' },
  })
  const url = await urlOf(gateway)
  const open = (body: unknown, reads = true) =>
    openCall(`${url}/v1/chat/completions`, JSON.stringify(body), {
      headers: { authorization },
      reads,
    })
  const idle = await keptAlive(`${url}/healthz`)

  const finishing = open(chat({ stream: true }))
  const finishes = await upstream.nextCall()
  beginStream(finishes)
  finishes.response.write(chunk('Hello', { usage: usageOf(11, 1) }))
  const endless = open(chat({ stream: true, model: 'podded' }))
  const never = await upstream.nextCall()
  beginStream(never)
  never.response.write(chunk('Once', { usage: usageOf(7, 1) }))
  const stalled = open(chat({ stream: true }), false)
  const flooding = await upstream.nextCall()
  beginStream(flooding)
  await Promise.all([finishing.seen('Hello'), endless.seen('Once'), flood(flooding)])

  const streams = { finishing, finishes, endless, never, stalled, flooding }
  const toldAtMs = performance.now()
  gateway.process.kill('SIGTERM')
  await gateway.printed(/"event":"stopping"/)
  const sinceTold = () => performance.now() - toldAtMs
  const finish = () => finishes.response.end(lastChunk() + usageChunk(11, 1) + done)
  return { url, gateway, idle, open, ...streams, finish, sinceTold }
}

test('told to stop, it is not ready, and says no to new calls', async () => {
  const { url, gateway, open, finish } = await withStreams()
  const ready = await fetch(`${url}/readyz`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toMatchObject({ reason: 'draining' })
  const refused = open(chat())
  expect((await refused.head).statusCode).toBe(503)
  expect((await refused.head).headers.connection).toBe('close')
  expect(await refused.ended).toBe('whole')
  expect(JSON.parse(refused.text())).toMatchObject({ error: { code: 'draining' } })
  finish()
  expect(await gateway.exited).toBe(0)
})

test('told to stop, it lets streams finish, cuts the others, and ends in time', async () => {
  const { gateway, idle, finishing, endless, never, stalled, flooding, finish, sinceTold } =
    await withStreams()
  finish()
  expect(await finishing.ended).toBe('whole')
  expect(eventsOf(finishing.text()).isDone).toBe(true)
  expect(sinceTold()).toBeLessThan(drainMs)

  expect(await endless.ended).toBe('whole')
  expect(sinceTold()).toBeGreaterThan(drainMs * 0.9)
  const { events, isDone } = eventsOf(endless.text())
  expect(isDone).toBe(false)
  expect(events.slice(1)).toMatchObject([{ error: { code: 'draining' } }])
  await Promise.all([never.closed, flooding.closed])

  expect(await gateway.exited).toBe(0)
  expect(sinceTold()).toBeLessThan(drainMs + graceMs)
  await idle.closed
  stalled.read()
  expect(await stalled.ended).toBe('cut')
  expect(stalled.text()).not.toContain('[DONE]')
})

test('told to stop, it writes down every call and attempt before it ends', async () => {
  const { gateway, finish } = await withStreams()
  finish()
  expect(await gateway.exited).toBe(0)
  const ledgerPath = join(gateway.folder, 'data/podgate-ledger.db')
  expect(callRows(ledgerPath).map(summary)).toEqual([
    'ok null 1',
    'failed draining 1',
    'failed draining some',
  ])
  expect(attemptRows(ledgerPath)).toHaveLength(3)
  expect(attemptRows(ledgerPath).map(({ released }) => released)).toContain('held')
})

test('told to stop, it finishes an answer that its client reads slowly', async () => {
  await using upstream = await startUpstream()
  const gateway = startProcess({
    gateway: { http: { drainMs: 18_000 } },
    models: [modelAt({ baseUrl: upstream.url })],
    env: { API_KEYS: testKey, EXTERNAL_TEST_KEY: 'a-key-of-theirs' },
  })
  const url = await urlOf(gateway)
  const headers = { authorization }
  const slow = openCall(`${url}/v1/chat/completions`, JSON.stringify(chat()), {
    headers,
    reads: false,
  })
  answerWhole(await upstream.nextCall(), wholeAnswer('x'.repeat(20_000_000)))
  await gateway.printed(/"event":"call"/)
  gateway.process.kill('SIGTERM')
  await gateway.printed(/"event":"stopping"/)
  // Long enough for whoever would take its connection for idle.
  for (let asked = 0; asked < 200; asked += 1) {
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
  }
  slow.read()
  expect(await slow.ended).toBe('whole')
  expect(JSON.parse(slow.text()).choices[0].finish_reason).toBe('stop')
  expect(await gateway.exited).toBe(0)
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  'with nothing to do, %s ends it at once',
  async (name) => {
    const gateway = startProcess({})
    const url = await urlOf(gateway)
    const idle = await keptAlive(`${url}/healthz`)
    const toldAtMs = performance.now()
    gateway.process.kill(name)
    expect(await gateway.exited).toBe(0)
    expect(performance.now() - toldAtMs).toBeLessThan(graceMs)
    await idle.closed
    expect(gateway.stderr()).toBe('')
  },
)

test('told to stop with rows that no disk takes, it says so and ends, in dev too', async () => {
  await using upstream = await startUpstream()
  const gateway = startProcess({
    gateway: { storage: { ledgerHoldMs: 300 } },
    models: [modelAt({ baseUrl: upstream.url })],
    env: { API_KEYS: testKey, EXTERNAL_TEST_KEY: 'a-key-of-theirs' },
  })
  const url = await urlOf(gateway)
  expect(gateway.stdout()).toContain('a simulated RunPod')
  const locker = new Database(join(gateway.folder, 'data/podgate-ledger.db'))
  onTestFinished(() => void locker.close())
  locker.exec('begin immediate')
  const headers = { authorization }
  const late = openCall(`${url}/v1/chat/completions`, JSON.stringify(chat()), { headers })
  answerWhole(await upstream.nextCall(), wholeAnswer('Hello'))
  expect((await late.head).statusCode).toBe(503)
  gateway.process.kill('SIGTERM')
  expect(await gateway.exited).toBe(1)
  expect(gateway.stderr()).toMatch(/closed with \d rows that could not be written/)
})

function summary(row: Record<string, unknown>): string {
  const tokens = Number(row.completion_tokens)
  return `${row.outcome} ${row.error_code} ${tokens > 1 ? 'some' : tokens}`
}

/** A connection that was used once and is kept for later. */
async function keptAlive(url: string): Promise<{ closed: Promise<void> }> {
  const agent = new Agent({ keepAlive: true })
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent }, resolve).on('error', reject)
  })
  const { socket } = response
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  response.resume()
  await new Promise((resolve) => response.once('end', resolve))
  return { closed }
}

test.each([
  ['SIGINT', 'SIGTERM', 143],
  ['SIGTERM', 'SIGINT', 130],
  ['SIGTERM', 'SIGTERM', 143],
] as const)('told by %s and then by %s, it waits for nobody', async (first, second, code) => {
  await using upstream = await startUpstream()
  const gateway = startProcess({
    models: [modelAt({ baseUrl: upstream.url })],
    env: { API_KEYS: testKey, EXTERNAL_TEST_KEY: 'a-key-of-theirs' },
  })
  const url = await urlOf(gateway)
  const client = openCall(`${url}/v1/chat/completions`, JSON.stringify(chat({ stream: true })), {
    headers: { authorization },
  })
  const call = await upstream.nextCall()
  gateway.process.kill(first)
  await gateway.printed(/"event":"stopping"/)
  gateway.process.kill(second)
  expect(await gateway.exited).toBe(code)
  await Promise.all([client.ended, call.closed])
})
