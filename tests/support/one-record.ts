// That a gateway's log, its ledger and its metrics say the same of the one call that it had.
import { expect } from 'vitest'
import { callRows } from './ledger-rows.ts'
import type { TestGateway } from './test-gateway.ts'

type Line = Record<string, unknown>

/** What the row says in words of its own, or does not say. */
const elsewhere = ['timestamp', 'level', 'event', 'tokens', 'cost_usd', 'stream', 'cause']

export async function expectOneRecord(gateway: TestGateway, line: Line): Promise<void> {
  expect(gateway.logLines().filter(({ event }) => event === 'call')).toEqual([line])
  const tokens = line.tokens as Line
  const same = Object.entries(line).filter(([name]) => !elsewhere.includes(name))
  expect(callRows(gateway.ledgerPath)).toMatchObject([
    {
      ...Object.fromEntries(same),
      stream: Number(line.stream),
      cold_start: Number(line.cold_start),
      charge_nano_usd: Math.round(Number(line.cost_usd) * 1e9),
      prompt_tokens: tokens.prompt,
      completion_tokens: tokens.completion,
      cached_tokens: tokens.cached,
      usage_source: tokens.source,
    },
  ])
  const sumOf = await metricsOf(gateway, line)
  expect(sumOf('podgate_requests_total')).toBe(1)
  expect(sumOf('podgate_requests_total', `outcome="${line.outcome}"`)).toBe(1)
  expect(sumOf('podgate_request_duration_seconds_sum')).toBe(Number(line.duration_ms) / 1000)
  expect(sumOf('podgate_tokens_total', 'kind="prompt"')).toBe(tokens.prompt)
  expect(sumOf('podgate_tokens_total', 'kind="completion"')).toBe(tokens.completion)
  expect(sumOf('podgate_cost_usd_total')).toBe(line.cost_usd)
}

/** Reads a metric of which only what belongs to this call may have moved. */
async function metricsOf(gateway: TestGateway, line: Line) {
  const samples = (await gateway.metrics()).split('\n')
  const where = ['surface', 'model', 'deployment', 'transport'].map(
    (name) => `${name}="${line[name]}"`,
  )
  return (name: string, ...labels: string[]): number => {
    const moved = samples.filter((one) => one.startsWith(`${name}{`) && !one.endsWith(' 0'))
    expect(moved.filter((one) => !where.every((label) => one.includes(label)))).toEqual([])
    const meant = moved.filter((one) => labels.every((label) => one.includes(label)))
    return meant.reduce((sum, one) => sum + Number(one.split(' ').at(-1)), 0)
  }
}
