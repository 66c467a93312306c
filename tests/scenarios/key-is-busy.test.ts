// A key that has as many calls at once as it may have: one more waits for its turn, in the open, and
// is refused only when too many wait, when it has waited long enough, or when it would rather not.
import { describe, expect, test } from 'vitest'
import { type ClientCall, eventsOf, type Leaving } from '../support/client-call.ts'
import { callRows } from '../support/ledger-rows.ts'
import { goodAnswer, type ScriptedUpstream, startUpstream } from '../support/scripted-upstream.ts'
import { chat, startTestGateway, type TestGateway, testKey } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

interface Scene {
  gateway: TestGateway
  upstream: ScriptedUpstream
}

const boundMs = 1_000
const rateLimited = { type: 'requests', code: 'rate_limit_exceeded', param: null }

function startBusy({ url }: ScriptedUpstream, limits = {}, keepAliveMs = 20) {
  const config = { limits: { concurrencyMax: 1, ...limits }, relay: { keepAliveMs } }
  return startTestGateway({ baseUrl: url, config })
}

/** A call that has the key's only place. */
async function takePlace({ gateway, upstream }: Scene) {
  const client = gateway.open(chat({ stream: true }))
  const call = await upstream.nextCall()
  const end = async () => {
    goodAnswer(call)
    expect(await client.ended).toBe('whole')
  }
  return { client, end }
}

async function waitingCalls(gateway: TestGateway): Promise<number> {
  const key = (await (await gateway.get('/v1/key')).json()) as { limits: { waiting: number } }
  return key.limits.waiting
}

/** One that stands in line: its client hears that it does. */
async function standInLine(gateway: TestGateway, extra = {}): Promise<ClientCall> {
  const client = gateway.open(chat({ stream: true, ...extra }))
  await client.seen(': podgate queued')
  return client
}

test('one more call waits with a sign of life, is answered, and its wait is written down', async () => {
  await using upstream = await startUpstream()
  await using gateway = await startBusy(upstream)
  const first = await takePlace({ gateway, upstream })
  const second = await standInLine(gateway)
  expect(upstream.calls).toHaveLength(1)
  expect(await (await gateway.get('/v1/key')).json()).toMatchObject({
    limits: { concurrency: 1, running: 1, waiting: 1 },
  })
  await first.end()
  goodAnswer(await upstream.nextCall())
  expect(await second.ended).toBe('whole')
  expect(eventsOf(second.text()).isDone).toBe(true)

  const row = callRows(gateway.ledgerPath).at(-1)
  const queueMs = Number(row?.queue_ms)
  expect(queueMs).toBeGreaterThanOrEqual(20)
  expect(queueMs).toBeLessThanOrEqual(Number(row?.duration_ms))
  expect(row).toMatchObject({ outcome: 'ok', attempts: 1 })
  const line = await gateway.logged({ event: 'call', request_id: row?.request_id })
  expect(line.queue_ms).toBe(queueMs)
  expect(second.text()).toContain(`"queue_ms":${queueMs}`)
})

test('those who wait for their own key keep nobody else from a place that is free', async () => {
  const other = 'another-key-0123456789abcdef'
  await using upstream = await startUpstream()
  await using gateway = await startTestGateway({
    baseUrl: upstream.url,
    slots: 2,
    secrets: { API_KEYS: `${testKey},${other}` },
    config: {
      limits: { concurrencyMax: 1 },
      routing: { waitingMax: 2 },
      relay: { keepAliveMs: 20 },
    },
  })
  const first = await takePlace({ gateway, upstream })
  const waiting = await Promise.all(Array.from({ length: 5 }, () => standInLine(gateway)))
  const free = gateway.post(chat(), { headers: { authorization: `Bearer ${other}` } })
  goodAnswer(await upstream.nextCall())
  expect((await free).status).toBe(200)
  for (const client of waiting) client.leave('close')
  await first.end()
})

test('a whole answer waits as well, and its header says how long', async () => {
  await using upstream = await startUpstream()
  await using gateway = await startBusy(upstream)
  const first = await takePlace({ gateway, upstream })
  const whole = gateway.post(chat())
  // A whole answer gives no sign that it waits; the key itself tells.
  await until('a call waits', async () => (await waitingCalls(gateway)) > 0)
  await first.end()
  goodAnswer(await upstream.nextCall())
  const response = await whole
  expect(response.status).toBe(200)
  expect(Number(response.headers.get('x-podgate-queue-ms'))).toBeGreaterThan(0)
})

test('turns come in order of arrival', async () => {
  await using upstream = await startUpstream()
  await using gateway = await startBusy(upstream)
  const first = await takePlace({ gateway, upstream })
  const seeds = [1, 2, 3]
  const waiting: ClientCall[] = []
  for (const seed of seeds) waiting.push(await standInLine(gateway, { seed }))
  await first.end()
  for (const seed of seeds) {
    const call = await upstream.nextCall()
    expect(JSON.parse(call.body)).toMatchObject({ seed })
    goodAnswer(call)
  }
  for (const client of waiting) expect(await client.ended).toBe('whole')
})

test.each(['close', 'reset', 'half-close'] as Leaving[])(
  'a client that leaves the line (%s) makes room in it, and never reaches the upstream',
  async (how) => {
    await using upstream = await startUpstream()
    await using gateway = await startBusy(upstream, { concurrencyWaitingMax: 1 })
    const first = await takePlace({ gateway, upstream })
    const left = await standInLine(gateway)
    const leftAtMs = performance.now()
    left.leave(how)
    const line = await gateway.logged({ event: 'call', outcome: 'client_gone' })
    expect(performance.now() - leftAtMs).toBeLessThan(boundMs)

    const next = await standInLine(gateway)
    await first.end()
    goodAnswer(await upstream.nextCall())
    expect(await next.ended).toBe('whole')
    expect(upstream.calls).toHaveLength(2)
    const rows = callRows(gateway.ledgerPath)
    expect(rows.find(({ request_id }) => request_id === line.request_id)).toMatchObject({
      outcome: 'client_gone',
      attempts: 0,
      charge_nano_usd: 0,
    })
  },
)

describe('refused is', () => {
  test('whoever finds the line full: at once, without a record, told when to come again', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startBusy(upstream, { concurrencyWaitingMax: 1 })
    const first = await takePlace({ gateway, upstream })
    const waiting = await standInLine(gateway)
    const refused = await gateway.post(chat())
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ error: rateLimited })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused.headers.get('x-should-retry')).toBeNull()
    await first.end()
    goodAnswer(await upstream.nextCall())
    expect(await waiting.ended).toBe('whole')
    expect(upstream.calls).toHaveLength(2)
    expect(callRows(gateway.ledgerPath)).toHaveLength(2)
  })

  test('whoever will not wait', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startBusy(upstream)
    const first = await takePlace({ gateway, upstream })
    const headers = { 'x-podgate-wait': 'never' }
    const refused = await gateway.post(chat({ stream: true }), { headers })
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ error: rateLimited })
    await first.end()
    expect(upstream.calls).toHaveLength(1)
    expect(callRows(gateway.ledgerPath)).toHaveLength(1)
  })

  test('whoever waited in vain, with the wait in its record', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startBusy(upstream, { concurrencyWaitMs: 60 })
    const first = await takePlace({ gateway, upstream })
    const refused = await gateway.post(chat())
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ error: rateLimited })
    expect(Number(refused.headers.get('retry-after-ms'))).toBeGreaterThan(0)
    const line = await gateway.logged({ event: 'call', outcome: 'failed' })
    expect(line).toMatchObject({ status: 429, error_code: 'rate_limit_exceeded', attempts: 0 })
    expect(line.queue_ms).toBeGreaterThanOrEqual(59)
    const [row] = callRows(gateway.ledgerPath)
    expect(row).toMatchObject({ outcome: 'failed', status: 429, queue_ms: line.queue_ms })
    await first.end()
    expect(upstream.calls).toHaveLength(1)
  })

  test('a stream that waited in vain by one error event', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startBusy(upstream, { concurrencyWaitMs: 60 })
    const first = await takePlace({ gateway, upstream })
    const waiting = await standInLine(gateway)
    expect(await waiting.ended).toBe('whole')
    const { events, isDone } = eventsOf(waiting.text())
    expect(isDone).toBe(false)
    expect(events).toMatchObject([{ error: rateLimited }])
    await first.end()
  })

  test('whoever has a deadline before its turn', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startBusy(upstream)
    const first = await takePlace({ gateway, upstream })
    const late = await gateway.post(chat(), { headers: { 'x-podgate-deadline-ms': '60' } })
    expect(late.status).toBe(504)
    expect(await late.json()).toMatchObject({ error: { code: 'deadline_exceeded' } })
    await first.end()
    expect(upstream.calls).toHaveLength(1)
  })
})
