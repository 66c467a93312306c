// Which metrics a call, an attempt and a refusal change, and which labels a metric can have.
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import type { AttemptRecord, CallRecord } from '#src/domain/index.ts'
import { createMetrics, type Metrics, metricTable } from '#src/observability/index.ts'
import { sampleAttempt, sampleCall } from '../support/sample-records.ts'

const usual = {
  model: 'mixtral',
  deployment: 'mixtral-a',
  transport: 'queue-openai',
  durationMs: 2000,
  queueMs: 20,
  ttftMs: 300,
  overheadMs: 0.4567,
  streamMs: 1000,
  coldStart: false,
  usage: { promptTokens: 10, completionTokens: 101, cachedTokens: 4, source: 'reported' },
  chargeNanoUsd: 98_100,
  gpuSeconds: null,
} as const

const callRecord = (changes: Partial<CallRecord> = {}) => sampleCall({ ...usual, ...changes })

const attemptRecord = (changes: Partial<AttemptRecord> = {}) =>
  sampleAttempt({
    model: 'mixtral',
    deployment: 'mixtral-a',
    wastedSeconds: 0,
    wasteReason: null,
    ...changes,
  })

const isKnownModel = (model: string) => model === 'mixtral'

async function values(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.render()).split('\n').filter((line) => /^[a-z]/.test(line))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

const where =
  'surface="openai-chat",model="mixtral",deployment="mixtral-a",transport="queue-openai"'

test('a call is counted once in every metric that it concerns', async () => {
  const metrics = createMetrics({ isKnownModel })
  metrics.observeCall(callRecord({ gpuSeconds: 2.5, coldStart: true }))
  const found = await values(metrics)
  expect(Object.fromEntries(found)).toMatchObject({
    [`podgate_requests_total{${where},outcome="ok"}`]: 1,
    [`podgate_request_duration_seconds_sum{${where},outcome="ok"}`]: 2,
    [`podgate_request_duration_seconds_bucket{${where},outcome="ok",le="1"}`]: 0,
    [`podgate_request_duration_seconds_bucket{${where},outcome="ok",le="2.5"}`]: 1,
    [`podgate_request_duration_seconds_bucket{${where},outcome="ok",le="+Inf"}`]: 1,
    [`podgate_request_duration_seconds_count{${where},outcome="ok"}`]: 1,
    [`podgate_time_to_first_token_seconds_sum{${where}}`]: 0.3,
    [`podgate_inter_token_seconds_sum{${where}}`]: 0.01,
    [`podgate_overhead_seconds_sum{${where}}`]: 0.0004567,
    [`podgate_queue_wait_seconds_sum{${where}}`]: 0.02,
    [`podgate_tokens_total{${where},kind="prompt"}`]: 10,
    [`podgate_tokens_total{${where},kind="completion"}`]: 101,
    [`podgate_tokens_total{${where},kind="cached"}`]: 4,
    [`podgate_cost_usd_total{${where}}`]: 0.0000981,
    [`podgate_gpu_seconds_total{${where}}`]: 2.5,
    'podgate_cold_starts_total{model="mixtral",deployment="mixtral-a"}': 1,
  })
})

test('counts grow from scrape to scrape and a bucket’s bound is part of it', async () => {
  const metrics = createMetrics({ isKnownModel })
  for (const durationMs of [100, 100, 101]) metrics.observeCall(callRecord({ durationMs }))
  await metrics.render()
  metrics.observeCall(callRecord({ durationMs: 100 }))
  const found = await values(metrics)
  const bucket = `podgate_request_duration_seconds_bucket{${where},outcome="ok",le=`
  expect(found.get(`${bucket}"0.1"}`)).toBe(3)
  expect(found.get(`${bucket}"0.25"}`)).toBe(4)
  expect(found.get(`podgate_requests_total{${where},outcome="ok"}`)).toBe(4)
})

test('what a call did not have is not observed', async () => {
  const metrics = createMetrics({ isKnownModel })
  const usage = {
    promptTokens: 1,
    completionTokens: 1,
    cachedTokens: 0,
    source: 'counted',
  } as const
  metrics.observeCall(callRecord({ ttftMs: null, outcome: 'client_gone', usage }))
  metrics.observeCall(callRecord({ ttftMs: null, stream: false }))
  const found = await values(metrics)
  expect(found.get(`podgate_time_to_first_token_seconds_count{${where}}`)).toBe(0)
  expect(found.get(`podgate_inter_token_seconds_count{${where}}`)).toBe(0)
  expect(found.get(`podgate_requests_total{${where},outcome="client_gone"}`)).toBe(1)
})

test('refusals are counted by reason, and among the requests', async () => {
  const metrics = createMetrics({ isKnownModel })
  const surface = 'openai-chat'
  metrics.observeRefusal({ surface, model: 'mixtral', fault: 'rate_requests' })
  metrics.observeRefusal({ surface, model: null, fault: 'invalid_json' })
  const found = await values(metrics)
  const refused = 'podgate_refusals_total{surface="openai-chat"'
  expect(found.get(`${refused},model="mixtral",reason="rate_requests"}`)).toBe(1)
  expect(found.get(`${refused},model="unknown",reason="invalid_json"}`)).toBe(1)
  const none = 'deployment="none",transport="none",outcome="refused"'
  const requests = `podgate_requests_total{surface="openai-chat",model="mixtral",${none}}`
  expect(found.get(requests)).toBe(1)
  expect([...found.keys()].join()).not.toContain('_seconds')
})

test('a model that nobody registered is no label, and labels have an end', async () => {
  const metrics = createMetrics({ isKnownModel, seriesMax: 3 })
  for (let n = 0; n < 100; n += 1) metrics.observeCall(callRecord({ model: `guess-${n}` }))
  for (let n = 0; n < 100; n += 1) metrics.observeCall(callRecord({ deployment: `d-${n}` }))
  const keys = [...(await values(metrics)).keys()]
  expect(keys.join()).not.toContain('guess-')
  const requests = keys.filter((key) => key.startsWith('podgate_requests_total'))
  expect(requests).toHaveLength(4)
  expect(requests.at(-1)).toContain('deployment="other"')
})

test('wasted seconds are counted by reason, good attempts not at all', async () => {
  const metrics = createMetrics({ isKnownModel })
  metrics.observeAttempt(attemptRecord())
  metrics.observeAttempt(attemptRecord({ wastedSeconds: 1.5, wasteReason: 'client_gone' }))
  metrics.observeAttempt(attemptRecord({ wastedSeconds: 0.5, wasteReason: 'client_gone' }))
  const wasted = [...(await values(metrics))].filter(([key]) => key.includes('wasted'))
  const labels = 'model="mixtral",deployment="mixtral-a",reason="client_gone"'
  expect(wasted).toEqual([[`podgate_wasted_gpu_seconds_total{${labels}}`, 2]])
})

test('gauges are read when somebody looks, and forget what is gone', async () => {
  const metrics = createMetrics({ isKnownModel })
  let deployments = ['a', 'b']
  metrics.watch('podgate_inflight_requests', () => [{ value: 7 }])
  metrics.watch('podgate_circuit_state', () =>
    deployments.map((deployment) => ({ labels: { deployment }, value: 2 })),
  )
  expect((await values(metrics)).get('podgate_circuit_state{deployment="b"}')).toBe(2)
  deployments = ['a']
  const found = await values(metrics)
  expect(found.get('podgate_inflight_requests')).toBe(7)
  expect([...found.keys()].filter((key) => key.includes('circuit'))).toEqual([
    'podgate_circuit_state{deployment="a"}',
  ])
})

test('every metric of the table is declared to the scraper, and no other', async () => {
  const text = await createMetrics({ isKnownModel }).render()
  const declared = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [
    name,
    kind,
  ])
  const table = metricTable.map(({ name, kind }) => [name, kind])
  expect(new Map(declared as [string, string][])).toEqual(new Map(table as [string, string][]))
  expect(declared).toHaveLength(table.length)
})

test('before anything happened, only gauges without labels have a value: 0', async () => {
  const lines = (await createMetrics({ isKnownModel }).render()).split('\n')
  expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
    'podgate_inflight_requests 0',
    'podgate_log_lost_lines 0',
  ])
})

test('what labels hold is escaped', async () => {
  const metrics = createMetrics({ isKnownModel })
  metrics.watch('podgate_queue_depth', () => [{ labels: { model: 'a"b\\c\nd' }, value: 1 }])
  expect(await metrics.render()).toContain('podgate_queue_depth{model="a\\"b\\\\c\\nd"} 1\n')
})

test.runIf(process.env.PROMTOOL === '1')('promtool finds nothing to complain about', async () => {
  const metrics = createMetrics({ isKnownModel })
  metrics.observeCall(callRecord({ coldStart: true, gpuSeconds: 1 }))
  metrics.observeAttempt(attemptRecord({ wastedSeconds: 1, wasteReason: 'retry' }))
  metrics.observeRefusal({ surface: 'openai-chat', model: null, fault: 'no_key' })
  metrics.watch('podgate_held_bytes', () => [{ labels: { side: 'client' }, value: 1 }])
  const input = await metrics.render()
  const said = execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
  expect(said).toBe('')
})
