// RunPod's billing report, made from the times in which workers ran: its buckets, its groups and
// its rounding.
import { describe, expect, test } from 'vitest'
import { billingReport } from '#src/simulator/management/billing-report.ts'

const hourMs = 3_600_000
const midnightMs = Date.UTC(2026, 4, 14)

interface Report {
  records: {
    startTime: string
    endTime: string
    totalAmount: number
    gpuAmount: number
    serverlessId: string
  }[]
  metadata: {
    query: { [name: string]: unknown }
    recordCount: number
    uniqueServerlessCount: number
    totals: { totalAmount: number }
  }
}

const span = (endpointId: string, startHour: number, endHour: number | null) => ({
  endpointId,
  workerId: 'w',
  startedAtMs: midnightMs + startHour * hourMs,
  stoppedAtMs: endHour === null ? null : midnightMs + endHour * hourMs,
  usdPerSecond: 0.001,
})

function report(query: string, spans: ReturnType<typeof span>[], nowHour = 24): Report {
  const nowMs = midnightMs + nowHour * hourMs
  return billingReport(new URLSearchParams(query), spans, nowMs) as Report
}

describe('the bill', () => {
  test('is cut into buckets, and what crosses a border falls into both', () => {
    const { records, metadata } = report('bucketSize=hour', [span('a', 1.5, 3)])
    expect(records.map(({ startTime, totalAmount }) => [startTime, totalAmount])).toEqual([
      ['2026-05-14T01:00:00.000Z', 1.8],
      ['2026-05-14T02:00:00.000Z', 3.6],
    ])
    expect(metadata.totals.totalAmount).toBe(5.4)
  })

  test('counts each endpoint apart, or one alone', () => {
    const spans = [span('a', 1, 2), span('b', 1, 3), span('a', 4, 5)]
    const all = report('bucketSize=day', spans)
    expect(all.records.map(({ serverlessId, gpuAmount }) => [serverlessId, gpuAmount])).toEqual([
      ['a', 7.2],
      ['b', 7.2],
    ])
    expect(all.metadata).toMatchObject({ recordCount: 2, uniqueServerlessCount: 2 })
    const one = report('serverlessId=b', spans)
    expect(one.records.map(({ serverlessId }) => serverlessId)).toEqual(['b'])
  })

  test('rounds a worker up to its next second, once, where it stopped', () => {
    const short = span('a', 0.9999, 1.0001)
    const { records, metadata } = report('bucketSize=hour', [short])
    expect(metadata.totals.totalAmount).toBe(0.001)
    expect(records.map(({ totalAmount }) => totalAmount)).toEqual([0.00036, 0.00064])
  })

  test('counts a worker that still runs up to now', () => {
    expect(report('', [span('a', 23, null)]).metadata.totals.totalAmount).toBe(3.6)
  })

  test.each([
    ['hour', '2026-05-14T05:00:00.000Z'],
    ['day', '2026-05-14T00:00:00.000Z'],
    ['week', '2026-05-11T00:00:00.000Z'],
    ['month', '2026-05-01T00:00:00.000Z'],
    ['year', '2026-01-01T00:00:00.000Z'],
  ])('has buckets that begin with the %s', (size, start) => {
    const { records } = report(`bucketSize=${size}&lastN=1`, [span('a', 5.1, 5.2)], 5.5)
    expect(records.map(({ startTime }) => startTime)).toEqual([start])
  })

  test('gives the times that were asked for, or the last so many buckets', () => {
    const spans = [span('a', 1, 2), span('a', 8, 9)]
    const range = 'startTime=2026-05-14T08:30:00Z&endTime=2026-05-14T10:00:00Z'
    expect(report(range, spans).metadata.totals.totalAmount).toBe(1.8)
    expect(report('bucketSize=hour&lastN=2', spans, 10).records).toHaveLength(1)
  })

  test.each(['bucketSize=minute', 'startTime=soon', 'lastN=0', 'lastN=x'])(
    'refuses %s',
    (query) => {
      expect(() => report(query, [])).toThrow()
    },
  )
})
