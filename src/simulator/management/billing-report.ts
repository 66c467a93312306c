// `GET /v2/billing/serverless`: what the endpoints cost, in buckets of an hour to a year. It is a
// view of the account's bill and adds nothing to it: a worker's last second, which is billed whole,
// falls into the bucket in which the worker stopped.
import type { WorkerSpan } from '../bill/bill.ts'
import { Problem } from './problem.ts'

interface Bucket {
  startMs: number
  endMs: number
}

interface Wanted extends Bucket {
  size: BucketSize
  lastN: number | null
  serverlessId: string | null
}

const sizes = ['hour', 'day', 'week', 'month', 'year'] as const
type BucketSize = (typeof sizes)[number]

const dayMs = 86_400_000
const rangeMs = 30 * dayMs
const bucketsMax = 10_000
/** A Monday. */
const firstWeekMs = Date.UTC(1970, 0, 5)

export function billingReport(
  query: URLSearchParams,
  spans: readonly WorkerSpan[],
  nowMs: number,
): object {
  const wanted = readQuery(query, nowMs)
  const records = bucketsOf(wanted).flatMap((bucket) => recordsOf(bucket, wanted, spans, nowMs))
  const total = records.reduce((sum, { totalAmount }) => sum + totalAmount, 0)
  return {
    records,
    metadata: {
      query: {
        startTime: new Date(wanted.startMs).toISOString(),
        endTime: new Date(wanted.endMs).toISOString(),
        bucketSize: wanted.size,
        lastN: wanted.lastN,
        serverlessId: wanted.serverlessId,
      },
      recordCount: records.length,
      uniqueServerlessCount: new Set(records.map(({ serverlessId }) => serverlessId)).size,
      totals: amounts(total),
    },
  }
}

function readQuery(query: URLSearchParams, nowMs: number): Wanted {
  const time = (name: string, otherwise: number) => {
    const text = query.get(name)
    const ms = text === null ? otherwise : Date.parse(text)
    if (Number.isNaN(ms)) throw new Problem(400, `${name} must be a time`)
    return ms
  }
  const endMs = time('endTime', nowMs)
  const size = sizes.find((name) => name === (query.get('bucketSize') ?? 'day'))
  if (size === undefined) throw new Problem(400, `bucketSize must be one of ${sizes.join(', ')}`)
  const lastN = query.has('lastN') ? Number(query.get('lastN')) : null
  if (lastN !== null && !(Number.isInteger(lastN) && lastN > 0)) {
    throw new Problem(400, 'lastN must be a whole number above 0')
  }
  const startMs = time('startTime', lastN === null ? endMs - rangeMs : 0)
  return { startMs, endMs, size, lastN, serverlessId: query.get('serverlessId') }
}

/** The newest last. Bounded, because the times are the caller's. */
function bucketsOf({ startMs, endMs, size, lastN }: Wanted): Bucket[] {
  const buckets: Bucket[] = []
  for (let untilMs = endMs; untilMs > startMs && buckets.length < bucketsMax; ) {
    const fromMs = bucketStart(untilMs - 1, size)
    buckets.unshift({ startMs: Math.max(fromMs, startMs), endMs: untilMs })
    if (buckets.length === lastN) break
    untilMs = fromMs
  }
  return buckets
}

function bucketStart(ms: number, size: BucketSize): number {
  const date = new Date(ms)
  if (size === 'hour') return ms - (ms % 3_600_000)
  if (size === 'day') return ms - (ms % dayMs)
  if (size === 'week') return ms - ((ms - firstWeekMs) % (7 * dayMs))
  const month = size === 'month' ? date.getUTCMonth() : 0
  return Date.UTC(date.getUTCFullYear(), month, 1)
}

function recordsOf(bucket: Bucket, wanted: Wanted, spans: readonly WorkerSpan[], nowMs: number) {
  const byEndpoint = new Map<string, number>()
  for (const span of spans) {
    const { endpointId } = span
    if ((wanted.serverlessId ?? endpointId) !== endpointId) continue
    const usd = costIn(bucket, span, nowMs)
    if (usd > 0) byEndpoint.set(endpointId, (byEndpoint.get(endpointId) ?? 0) + usd)
  }
  return [...byEndpoint].map(([serverlessId, usd]) => ({
    startTime: new Date(bucket.startMs).toISOString(),
    endTime: new Date(bucket.endMs).toISOString(),
    ...amounts(usd),
    serverlessId,
  }))
}

function costIn(bucket: Bucket, span: WorkerSpan, nowMs: number): number {
  const stopMs = span.stoppedAtMs ?? nowMs
  const ms = Math.min(stopMs, bucket.endMs) - Math.max(span.startedAtMs, bucket.startMs)
  const endsHere = span.stoppedAtMs !== null && stopMs > bucket.startMs && stopMs <= bucket.endMs
  const lifeMs = stopMs - span.startedAtMs
  const roundedUpMs = endsHere ? Math.ceil(lifeMs / 1000) * 1000 - lifeMs : 0
  return ((Math.max(0, ms) + roundedUpMs) / 1000) * span.usdPerSecond
}

function amounts(usd: number) {
  const rounded = Math.round(usd * 1e6) / 1e6
  return {
    totalAmount: rounded,
    gpuAmount: rounded,
    cpuAmount: 0,
    diskAmount: 0,
    feeAmount: 0,
  }
}
