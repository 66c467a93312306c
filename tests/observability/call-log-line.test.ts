// The line is put together by hand: here it is compared with what JSON.stringify makes of the same.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CallRecord, usdFromNanoUsd } from '#src/domain/index.ts'
import { createCallLogLine } from '#src/observability/call-log-line.ts'
import { sampleCall } from '../support/sample-records.ts'

function asJson(record: CallRecord): string {
  const { usage } = record
  const ms = (value: number | null) => (value === null ? null : Math.round(value * 1000) / 1000)
  const members = {
    request_id: record.requestId,
    client_request_id: record.clientRequestId,
    event: 'call',
    key_id: record.keyId,
    team_id: record.teamId,
    surface: record.surface,
    model: record.model,
    deployment: record.deployment,
    transport: record.transport,
    upstream_id: record.upstreamId,
    worker_id: record.workerId,
    status: record.status,
    outcome: record.outcome,
    duration_ms: ms(record.durationMs),
    queue_ms: ms(record.queueMs),
    ttft_ms: ms(record.ttftMs),
    exec_ms: ms(record.execMs),
    overhead_ms: ms(record.overheadMs),
    tokens: {
      prompt: usage.promptTokens,
      completion: usage.completionTokens,
      total: usage.promptTokens + usage.completionTokens,
      cached: usage.cachedTokens,
      source: usage.source,
    },
    cost_usd: usdFromNanoUsd(record.chargeNanoUsd),
    gpu_seconds: record.gpuSeconds,
    stream: record.stream,
    attempts: record.attempts,
    cold_start: record.coldStart,
    error_code: record.errorCode,
    fault: record.fault,
  }
  return JSON.stringify(members).slice(1, -1)
}

const line = createCallLogLine()
const text = fc.oneof(
  fc.constantFrom('', 'phi-2', 'org/model:v1.5', 'a"b', 'back\\slash', '\ud800', ' \u2028\u007f\n'),
  fc.string({ unit: 'binary' }),
)
const maybeText = fc.option(text)
const ms = fc.oneof(
  fc.double(),
  fc.double({ min: 0, max: 600_000, noNaN: true }),
  fc.integer({ min: 0, max: 999_999_999_999 }).map((micros) => micros / 1000),
  fc.constantFrom(0, -0, 0.0004, 0.0005, 999_999_999.999, 999_999_999.9996, 1e9, 1e21, -1.5),
)
const count = fc.oneof(fc.nat(), fc.double(), fc.constantFrom(-0, Number.MAX_SAFE_INTEGER))
const maybeMs = fc.option(ms)

const anyRecord = fc.record({
  requestId: text,
  clientRequestId: maybeText,
  keyId: text,
  teamId: maybeText,
  surface: text,
  model: text,
  deployment: maybeText,
  transport: maybeText,
  upstreamId: maybeText,
  workerId: maybeText,
  status: count,
  durationMs: ms,
  queueMs: ms,
  ttftMs: maybeMs,
  execMs: maybeMs,
  overheadMs: ms,
  usage: fc.record({
    promptTokens: count,
    completionTokens: count,
    cachedTokens: count,
    source: fc.constantFrom('reported', 'counted'),
  }),
  chargeNanoUsd: count,
  gpuSeconds: maybeMs,
  stream: fc.boolean(),
  attempts: count,
  coldStart: fc.boolean(),
  errorCode: maybeText,
  fault: fc.constantFrom(null, 'rate_requests' as const, 'upstream_cut' as const),
})

test('is to the byte what JSON.stringify writes, whatever a record holds', () => {
  fc.assert(
    fc.property(anyRecord, (changes) => {
      const record = sampleCall(changes)
      expect(line(record)).toBe(asJson(record))
    }),
    { numRuns: 2000 },
  )
})

test('every duration to the microsecond has the text of its number', () => {
  for (let micros = 0; micros < 3000; micros += 1) {
    for (const base of [0, 12_000, 4_294_967_000, 999_999_990_000]) {
      const record = sampleCall({ durationMs: (base + micros) / 1000 })
      expect(line(record)).toBe(asJson(record))
    }
  }
})

test('where a call went is told anew when any part of it changes', () => {
  const place = { surface: 's', model: 'm', deployment: 'd', transport: 't' }
  const others = Object.keys(place).map((name) => ({ ...place, [name]: 'other' }))
  for (const where of others.flatMap((other) => [place, place, other, other])) {
    const record = sampleCall(where)
    expect(line(record)).toBe(asJson(record))
  }
})
