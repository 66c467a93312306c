// The engine's `/metrics` after calls that ended, left, run and wait.
import { expect, test } from 'vitest'
import { createFakeClock } from '../../support/fake-clock.ts'
import { ask, talk } from '../support/asking.ts'
import { engineFor } from '../support/engine-server.ts'

const timing = { stepMs: 10, stepPerSequenceMs: 0, prefillMsPer1k: 0 }

async function measured() {
  const clock = createFakeClock()
  const model = { model: 'm/one', timing, engine: { kvTokens: 16_000 } }
  const engine = engineFor({ model, clock, seqsMax: 2 })
  ask(engine, talk(40))
  ask(engine, talk(60, { stream: true }))
  const left = ask(engine, talk(500, { stream: true }))
  await clock.advance(1000)
  left.stop()
  ask(engine, talk(300))
  ask(engine, talk(300))
  ask(engine, talk(300))
  await clock.advance(100)
  const asked = ask(engine, null, { path: '/metrics' })
  const lines = asked.text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return { asked, lines }
}

function figureOf(lines: readonly string[], name: string, label = ''): number {
  const line = lines.find((one) => one.startsWith(`${name}{`) && one.includes(label))
  return Number(line?.split(' ').at(-1))
}

test('/metrics tells what runs, what waits, and what was made', async () => {
  const { asked, lines } = await measured()
  expect(asked.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(figureOf(lines, 'vllm:num_requests_running')).toBe(2)
  expect(figureOf(lines, 'vllm:num_requests_waiting')).toBe(1)
  expect(figureOf(lines, 'vllm:kv_cache_usage_perc')).toBeGreaterThan(0)
  expect(figureOf(lines, 'vllm:generation_tokens_total')).toBeGreaterThan(100)
  expect(figureOf(lines, 'vllm:request_success_total', 'finished_reason="length"')).toBe(2)
  expect(figureOf(lines, 'vllm:request_success_total', 'finished_reason="abort"')).toBe(1)
  expect(figureOf(lines, 'vllm:time_to_first_token_seconds_count')).toBe(2)
  expect(figureOf(lines, 'vllm:request_prompt_tokens_count')).toBe(2)
  expect(figureOf(lines, 'vllm:e2e_request_latency_seconds_sum')).toBeGreaterThan(1)
})

test('every series carries the model and the engine, and histograms count up', async () => {
  const { lines } = await measured()
  expect(lines.filter((line) => !line.includes('engine="0",model_name="m/one"'))).toEqual([])
  const buckets = lines.filter((line) => line.startsWith('vllm:inter_token_latency_seconds_b'))
  const counts = buckets.map((line) => Number(line.split(' ').at(-1)))
  expect(counts).toEqual(counts.toSorted((one, other) => one - other))
  expect(buckets.at(-1)).toContain('le="+Inf"')
  expect(counts.at(-1)).toBe(figureOf(lines, 'vllm:inter_token_latency_seconds_count'))
})
