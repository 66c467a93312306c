// Recorded calls of Azure are replayed at simulated workers over ten days of simulated time. Two
// independent counts of the bill must agree.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { simulatorOptions } from '#src/simulator/index.ts'
import { readTrace, stretched } from '#src/simulator/trace/read-trace.ts'
import { runTrace } from '#src/simulator/trace/run-trace.ts'

const dayMs = 86_400_000
const file = new URL('../../golden/traces/azure2023-conv-first-1000.csv', import.meta.url)
const calls = readTrace(readFileSync(file, 'utf8')) ?? []

/** A platform as rough as it can be set. */
const rough = {
  coldStarts: 'mixed',
  volumeBootShare: 0.2,
  idleTimeoutMs: 5000,
  parkedMax: 2,
  scalerTickMs: 1500,
  requestCount: 4,
  crashShare: 0.05,
  throttledShare: 0.02,
  sdkPolling: true,
  takeTime: { medianMs: 120, leastMs: 50, mostMs: 400 },
}

test('a trace of Azure is read with fractions of milliseconds, from its first call on', () => {
  expect(calls).toHaveLength(1000)
  expect(calls[0]).toEqual({ atMs: 0, promptTokens: 374, tokens: 44 })
  expect(calls[1]?.atMs).toBeCloseTo(4314.579, 2)
})

test.each([
  ['another header', 'time,in,out\n'],
  ['a row of another form', 'TIMESTAMP,ContextTokens,GeneratedTokens\nnow,1,2\n'],
])('%s is no trace', (_, text) => {
  expect(readTrace(text)).toBeNull()
})

test('stretched over ten days it keeps its order and its lengths', () => {
  const long = stretched(calls, 10 * dayMs)
  expect([long[0]?.atMs, long.at(-1)?.atMs]).toEqual([0, 10 * dayMs])
  expect(long.map(({ tokens }) => tokens)).toEqual(calls.map(({ tokens }) => tokens))
})

test.each([
  ['as set by default', {}],
  ['with everything that goes wrong', rough],
])('ten days %s: two independent counts of the money agree', (_, settings) => {
  const options = simulatorOptions.parse(settings)
  const report = runTrace(options, 'sim-mixtral', stretched(calls, 10 * dayMs))
  if (report === null) throw new Error('no such endpoint')
  expect([report.completed, report.failed]).toEqual([1000, 0])
  expect(report.generatedTokens).toBe(calls.reduce((sum, { tokens }) => sum + tokens, 0))
  expect(report.starts).toBeGreaterThan(100)
  expect(report.usdPerWorkerSecond).toBeCloseTo(0.00464, 9)
  const roundedUpUsd = report.billedUsd - report.countedUsd
  expect(roundedUpUsd).toBeGreaterThanOrEqual(0)
  expect(roundedUpUsd).toBeLessThan(report.starts * report.usdPerWorkerSecond)
})

test('calls that a full queue refuses have failed', () => {
  const options = simulatorOptions.parse({ queueMax: 10 })
  const report = runTrace(options, 'sim-mixtral', stretched(calls, 60_000))
  expect(report?.failed).toBeGreaterThan(100)
  expect((report?.completed ?? 0) + (report?.failed ?? 0)).toBe(1000)
})

test('the same seed gives the same bill, another seed another', () => {
  const run = (seed: number) =>
    runTrace(simulatorOptions.parse({ ...rough, seed }), 'sim-mixtral', stretched(calls, dayMs))
  expect(run(1)).toEqual(run(1))
  expect(run(2)?.billedUsd).not.toBe(run(1)?.billedUsd)
})

test('an endpoint that is not there has no report', () => {
  expect(runTrace(simulatorOptions.parse({}), 'nope', calls)).toBeNull()
})
