// One call, one record: line, row and metrics say the same of it; what is refused has no row.
import { describe, expect, test } from 'vitest'
import { callRows } from '../support/ledger-rows.ts'
import { expectOneRecord } from '../support/one-record.ts'
import {
  type Asking,
  allSurfaces,
  answerGood,
  askedOf,
  askings,
} from '../support/openai-surfaces.ts'
import {
  beginStream,
  goodAnswer,
  type Script,
  startUpstream,
  type UpstreamCall,
  usageOf,
} from '../support/scripted-upstream.ts'
import { chat, kinds, modelAt, startTestGateway, testKey } from '../support/test-gateway.ts'

const logFields = [
  'timestamp',
  'level',
  'request_id',
  'client_request_id',
  'event',
  'key_id',
  'team_id',
  'surface',
  'model',
  'deployment',
  'transport',
  'upstream_id',
  'worker_id',
  'status',
  'outcome',
  'duration_ms',
  'queue_ms',
  'ttft_ms',
  'exec_ms',
  'overhead_ms',
  'tokens',
  'cost_usd',
  'gpu_seconds',
  'stream',
  'attempts',
  'cold_start',
  'error_code',
  'fault',
]
/** What the OpenAI route cannot always fill. */
const mayBeEmpty = new Set([
  'team_id',
  'upstream_id',
  'worker_id',
  'exec_ms',
  'gpu_seconds',
  'error_code',
  'fault',
])

/** Streams say one word before that, whole answers nothing. */
function afterAWord(then: (call: UpstreamCall) => void): Script {
  return (call) => {
    const { words } = askedOf(call)
    if (words === null) return then(call)
    beginStream(call)
    call.response.write(words.chunk('Hello', { usage: usageOf(11, 1) }), () => then(call))
  }
}

const cut = afterAWord(({ socket }) => void socket.destroy())
const stall = afterAWord(() => {})

const badEnds = askings.flatMap((asking) => {
  const silence = asking.stream ? 'upstream_stalled' : 'first_byte_timeout'
  return [
    { asking, how: 'breaks', outcome: 'failed', code: 'upstream_cut', script: cut },
    { asking, how: 'goes silent', outcome: 'timeout', code: silence, script: stall },
    { asking, how: 'is left', outcome: 'client_gone', code: 'client_gone', script: stall },
  ]
})

type Refused = (url: string, asking: Asking) => Promise<Response>

/* biome-ignore format: a table reads as a table */
const refusals: { what: string; status: number; refused: Refused }[] = [
  { what: 'no key', status: 401, refused: (url, { body }) => ask(url, body(), { authorization: '' }) },
  { what: 'a wrong key', status: 401, refused: (url, { body }) => ask(url, body(), { authorization: 'Bearer wrong-key-0123456789' }) },
  { what: 'no JSON', status: 400, refused: (url) => ask(url, '{') },
  { what: 'a bad parameter', status: 400, refused: (url, { body, surface }) => ask(url, body(surface.bad)) },
  { what: 'an unknown model', status: 404, refused: (url, { body }) => ask(url, body({ model: 'other' })) },
  { what: 'a model that lacks the route', status: 400, refused: (url, { body }) => ask(url, body({ model: 'mute' })) },
  { what: 'another media type', status: 415, refused: (url) => ask(url, 'a=b', { 'content-type': 'text/plain' }) },
  { what: 'a body too large', status: 413, refused: (url, { body }) => ask(url, body({ user: 'x'.repeat(3000) })) },
  { what: 'a bad header', status: 400, refused: (url, { body }) => ask(url, body(), { 'x-podgate-deadline-ms': 'soon' }) },
]

const refusedCalls = askings.flatMap((asking) =>
  refusals.map((refusal) => ({ ...refusal, asking })),
)

describe.each(kinds)('in front of %s', (kind) => {
  test.each(askings)('$name: a good call fills every field of its line', async (asking) => {
    await using upstream = await startUpstream(answerGood)
    await using gateway = await startTestGateway({
      baseUrl: upstream.url,
      kind,
    })
    const headers = { 'x-request-id': 'client-7' }
    const response = await gateway.post(asking.body({ user: 'somebody' }), { headers }, asking.path)
    await response.text()
    const line = await gateway.logged({ event: 'call' })
    expect(Object.keys(line).sort()).toEqual([...logFields].sort())
    for (const name of logFields.filter((one) => !mayBeEmpty.has(one))) {
      expect(line[name], name).not.toBeNull()
      expect(line[name], name).not.toBe('')
    }
    expect(line).toMatchObject({
      level: 'info',
      request_id: response.headers.get('x-request-id'),
      client_request_id: 'client-7',
      surface: asking.surface.name,
      model: 'test-model',
      deployment: 'test-deployment',
      status: 200,
      outcome: 'ok',
      stream: asking.stream,
      attempts: 1,
      tokens: { ...tokensOf(asking), cached: 0, source: 'reported' },
    })
    expect(Date.parse(String(line.timestamp))).toBeGreaterThan(Date.now() - 60_000)
    expect(callRows(gateway.ledgerPath)[0]?.end_user_hash).toMatch(/^[0-9a-f]{16}$/)
    await expectOneRecord(gateway, line)
  })

  test.each(badEnds)('$asking.name: a call that $how leaves one record', async (end) => {
    const { asking, outcome, code, script } = end
    await using upstream = await startUpstream(script)
    const config = { upstreams: { firstByteMs: 300, betweenChunksMs: 300 } }
    await using gateway = await startTestGateway({
      baseUrl: upstream.url,
      kind,
      config: outcome === 'timeout' ? config : {},
    })
    const client = gateway.open(asking.body(), {}, asking.path)
    if (outcome === 'client_gone') {
      await upstream.nextCall()
      if (asking.stream) await client.seen('Hello')
      client.leave('reset')
    }
    await client.ended
    const line = await gateway.logged({ event: 'call', outcome, error_code: code })
    expect(line.tokens).toMatchObject({ completion: asking.stream ? 1 : 0 })
    await expectOneRecord(gateway, line)
  })
})

test('a call by an alias is its model’s in the line, the row and the metrics', async () => {
  await using upstream = await startUpstream(goodAnswer)
  const at = { baseUrl: upstream.url }
  const models = [{ ...modelAt(at), aliases: ['nick'] }]
  await using gateway = await startTestGateway({ ...at, models })
  const response = await gateway.post(chat({ model: 'nick' }))
  expect(await response.json()).toMatchObject({ model: 'nick' })
  const line = await gateway.logged({ event: 'call' })
  expect(line.model).toBe('test-model')
  await expectOneRecord(gateway, line)
})

function tokensOf({ stream, surface }: Asking) {
  return stream ? { prompt: 11, completion: 2 } : surface.tokens
}

describe('a refused call', () => {
  test.each(refusedCalls)(
    '($asking.name, $what) has a line and a metric, but no row',
    async ({ asking, status, refused }) => {
      await using upstream = await startUpstream(answerGood)
      const at = { baseUrl: upstream.url }
      const surfaces = allSurfaces.filter((name) => name !== asking.surface.name)
      await using gateway = await startTestGateway({
        ...at,
        models: [modelAt(at), { ...modelAt(at, 'mute', 'a-mute'), surfaces }],
        config: { http: { bodyBytesMax: 2048 } },
      })
      const response = await refused(`${gateway.url}${asking.path}`, asking)
      expect(response.status).toBe(status)
      await response.text()
      const request_id = response.headers.get('x-request-id')
      await gateway.logged({ request_id, outcome: 'refused', status })
      expect(await gateway.metrics()).toMatch(/^podgate_refusals_total\{.*\} 1$/m)
      await gateway.gateway.close()
      expect(callRows(gateway.ledgerPath)).toEqual([])
      expect(upstream.calls).toEqual([])
    },
  )

  test.each(askings)('($name, a full queue) has a line and a metric, no row', async (asking) => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({
      baseUrl: upstream.url,
      slots: 1,
      config: { routing: { waitingMax: 0 } },
    })
    const running = gateway.open(asking.body(), {}, asking.path)
    const call = await upstream.nextCall()
    const response = await gateway.post(asking.body(), {}, asking.path)
    expect(response.status).toBe(429)
    expect(await response.json()).toMatchObject({
      error: { type: 'overloaded', code: 'capacity' },
    })
    expect(response.headers.get('retry-after')).toBe('2')
    await gateway.logged({ event: 'call', outcome: 'refused', status: 429 })
    answerGood(call)
    expect(await running.ended).toBe('whole')
    expect(callRows(gateway.ledgerPath)).toHaveLength(1)
  })
})

test('every metric of calls has moved after traffic', async () => {
  await using upstream = await startUpstream()
  await using gateway = await startTestGateway({
    baseUrl: upstream.url,
    slots: 1,
    config: { relay: { keepAliveMs: 10 } },
  })
  await gateway.post(chat({ model: 'other' }))
  const running = gateway.open(chat({ stream: true }))
  const first = await upstream.nextCall()
  const queued = gateway.open(chat({ stream: true }))
  await queued.seen(': podgate queued')
  const during = samplesOf(await gateway.metrics())
  expect(during.get('podgate_inflight_requests')).toBe(2)
  expect(during.get('podgate_queue_depth')).toBe(1)
  goodAnswer(first)
  goodAnswer(await upstream.nextCall())
  expect([await running.ended, await queued.ended]).toEqual(['whole', 'whole'])

  const after = samplesOf(await gateway.metrics())
  expect(promised.filter((name) => !((after.get(name) ?? 0) > 0))).toEqual([])
  // One of the two waited for the other.
  expect(after.get('podgate_queue_wait_seconds')).toBeGreaterThan(0.005)
})

/** What no traffic moves by itself has tests of its own: circuits, workers, cold starts, GPU time. */
const promised = [
  'podgate_requests_total',
  'podgate_refusals_total',
  'podgate_request_duration_seconds',
  'podgate_time_to_first_token_seconds',
  'podgate_inter_token_seconds',
  'podgate_overhead_seconds',
  'podgate_queue_wait_seconds',
  'podgate_tokens_total',
  'podgate_cost_usd_total',
]

/** The sum over all labels; of a histogram, the sum of what was observed. */
function samplesOf(text: string): Map<string, number> {
  const sums = new Map<string, number>()
  for (const [, name = '', value = ''] of text.matchAll(/^(podgate_\w+)(?:\{.*\})? (\S+)$/gm)) {
    if (name.endsWith('_bucket') || name.endsWith('_count')) continue
    const base = name.replace(/_seconds_sum$/, '_seconds')
    sums.set(base, (sums.get(base) ?? 0) + Number(value))
  }
  return sums
}

function ask(
  address: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(address, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${testKey}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}
