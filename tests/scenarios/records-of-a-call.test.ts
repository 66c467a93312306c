import { describe, expect, test } from 'vitest'
import { callRows } from '../support/ledger-rows.ts'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
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
  'error_code',
]
/** What the OpenAI route cannot always fill. */
const mayBeEmpty = new Set([
  'team_id',
  'upstream_id',
  'worker_id',
  'exec_ms',
  'gpu_seconds',
  'error_code',
])

describe.each(kinds)('in front of %s', (kind) => {
  test.each([true, false])(
    'a good call (stream: %s) fills every field of its line',
    async (stream) => {
      await using upstream = await startUpstream(goodAnswer)
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
      const headers = { 'x-request-id': 'client-7' }
      const response = await gateway.post(chat({ stream, user: 'somebody' }), { headers })
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
        surface: 'openai-chat',
        model: 'test-model',
        deployment: 'test-deployment',
        status: 200,
        outcome: 'ok',
        stream,
        attempts: 1,
        tokens: { prompt: 11, cached: 0, source: 'reported' },
      })
      expect(Date.parse(String(line.timestamp))).toBeGreaterThan(Date.now() - 60_000)
      // The line and the row are made from one record.
      const [row] = callRows(gateway.ledgerPath)
      expect(row).toMatchObject({
        request_id: line.request_id,
        key_id: line.key_id,
        outcome: line.outcome,
        charge_nano_usd: Math.round(Number(line.cost_usd) * 1e9),
        prompt_tokens: 11,
      })
      expect(row?.end_user_hash).toMatch(/^[0-9a-f]{16}$/)
      expect(gateway.logLines().filter(({ event }) => event === 'call')).toHaveLength(1)
    },
  )
})

const refusals: [string, number, (url: string) => Promise<Response>][] = [
  ['no key', 401, (url) => ask(url, chat(), { authorization: '' })],
  ['a wrong key', 401, (url) => ask(url, chat(), { authorization: 'Bearer wrong-key-0123456789' })],
  ['no JSON', 400, (url) => ask(url, '{')],
  ['a bad parameter', 400, (url) => ask(url, chat({ temperature: 7 }))],
  ['an unknown model', 404, (url) => ask(url, chat({ model: 'other' }))],
  ['a model that lacks the route', 400, (url) => ask(url, chat({ model: 'embedder' }))],
  ['another media type', 415, (url) => ask(url, 'a=b', { 'content-type': 'text/plain' })],
  ['a body too large', 413, (url) => ask(url, chat({ user: 'x'.repeat(3000) }))],
  ['a bad header', 400, (url) => ask(url, chat(), { 'x-podgate-deadline-ms': 'soon' })],
]

describe('a refused call', () => {
  test.each(refusals)(
    '(%s) has a line and a metric, but no row',
    async (_name, status, refused) => {
      await using upstream = await startUpstream(goodAnswer)
      const at = { baseUrl: upstream.url }
      const embedder = { ...modelAt(at, 'embedder', 'embedding'), surfaces: ['embeddings'] }
      await using gateway = await startTestGateway({
        ...at,
        models: [modelAt(at), embedder],
        config: { http: { bodyBytesMax: 2048 } },
      })
      const response = await refused(gateway.url)
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

  test('(a full queue) has a line and a metric, but no row', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({
      baseUrl: upstream.url,
      slots: 1,
      config: { routing: { waitingMax: 0 } },
    })
    const running = gateway.open(chat({ stream: true }))
    const call = await upstream.nextCall()
    const response = await gateway.post(chat())
    expect(response.status).toBe(429)
    expect(await response.json()).toMatchObject({
      error: { type: 'overloaded', code: 'capacity' },
    })
    expect(response.headers.get('retry-after')).toBe('2')
    await gateway.logged({ event: 'call', outcome: 'refused', status: 429 })
    goodAnswer(call)
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

function ask(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${testKey}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}
