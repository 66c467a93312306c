// `/batch`: RunPod's operations on batches, which are in beta there. A batch is a draft until it is
// finalized; its requests are then told page by page.
//
//   POST /batch                      the first requests, as a list
//   POST /batch/<id>/requests        more of them, in a member `requests`
//   POST /batch/<id>/finalize        POST /batch/<id>/cancel
//   GET  /batch/<id>                 GET  /batch/<id>/requests?offset=&limit=
import { z } from 'zod'
import { type Batch, type BatchRequest, openBatch } from './batch.ts'
import { type JobCall, tooMany } from './job-call.ts'

const activeMax = 10
const requestsMax = 5000
const queuedMax = 50_000
const keptMax = 100
const pageMax = 1000

const requestList = z.array(z.object({ input: z.record(z.string(), z.unknown()) })).min(1)
const moreRequests = z.object({ requests: requestList })

export function serveBatch(asked: JobCall): void {
  const [, id = '', operation = ''] = asked.call.path.split('/').filter(Boolean)
  const what = `${asked.call.method} ${id === '' ? '' : '*'}/${operation}`
  if (what === 'POST /') return create(asked)
  const batch = asked.endpoint.batches.get(id)
  if (batch === undefined) return asked.reply(404, { error: 'batch not found' })
  if (what === 'GET */') asked.reply(200, describe(asked, batch))
  else if (what === 'GET */requests') listRequests(asked, batch)
  else if (what === 'POST */requests') append(asked, batch)
  else if (what === 'POST */finalize') finalize(asked, batch)
  else if (what === 'POST */cancel') {
    batch.cancel()
    asked.reply(200, { id, status: batch.status() })
  } else asked.reply(404, { error: 'not found' })
}

function create(asked: JobCall): void {
  const { endpoint, account } = asked
  const read = requestList.safeParse(readJson(asked))
  if (!read.success) return asked.reply(400, { error: 'the body must be a list of requests' })
  const batches = [...endpoint.batches.values()]
  if (batches.filter((one) => !one.isDone()).length >= activeMax) return tooMany(asked)
  if (!hasRoom(asked, null, read.data.length)) return
  const batch = openBatch(`batch_${account.newJobId('run')}`, endpoint.submit, account)
  batch.append(read.data.map(({ input }) => input))
  for (const old of batches) {
    if (endpoint.batches.size >= keptMax && old.isDone()) endpoint.batches.delete(old.id)
  }
  endpoint.batches.set(batch.id, batch)
  asked.reply(200, { id: batch.id, status: batch.status() })
}

function append(asked: JobCall, batch: Batch): void {
  const read = moreRequests.safeParse(readJson(asked))
  if (!read.success) return asked.reply(400, { error: 'the body must have a list of requests' })
  if (!isDraft(asked, batch) || !hasRoom(asked, batch, read.data.requests.length)) return
  batch.append(read.data.requests.map(({ input }) => input))
  asked.reply(200, { id: batch.id, status: batch.status() })
}

function finalize(asked: JobCall, batch: Batch): void {
  if (!isDraft(asked, batch)) return
  batch.finalize()
  asked.reply(200, { id: batch.id, status: batch.status() })
}

function isDraft(asked: JobCall, batch: Batch): boolean {
  if (batch.status() === 'DRAFT') return true
  asked.reply(400, { error: `batch is ${batch.status()}` })
  return false
}

function hasRoom(asked: JobCall, batch: Batch | null, more: number): boolean {
  const open = [...asked.endpoint.batches.values()].filter((one) => !one.isDone())
  const queued = open.reduce((sum, one) => sum + one.requests().length, 0)
  const fits = (batch?.requests().length ?? 0) + more <= requestsMax && queued + more <= queuedMax
  if (!fits) tooMany(asked)
  return fits
}

function describe({ endpoint }: JobCall, batch: Batch): object {
  const statuses = batch.requests().map(({ job }) => job.status())
  const count = (...wanted: string[]) => statuses.filter((one) => wanted.includes(one)).length
  return {
    id: batch.id,
    endpointId: endpoint.id,
    status: batch.status(),
    requestTotal: statuses.length,
    requestInProgress: count('IN_PROGRESS'),
    requestCompleted: count('COMPLETED'),
    requestFailed: count('FAILED', 'TIMED_OUT', 'CANCELLED'),
    createdAt: batch.createdAtMs,
  }
}

function listRequests(asked: JobCall, batch: Batch): void {
  const { query } = asked.call
  const offset = within(query.get('offset'), 0, Number.MAX_SAFE_INTEGER)
  const limit = within(query.get('limit'), 100, pageMax)
  const total = batch.requests().length
  const requests = batch
    .requests()
    .slice(offset, offset + limit)
    .map(resultOf)
  asked.reply(200, { requests, total, offset, limit, hasMore: offset + limit < total })
}

function resultOf({ job, startedAtMs, completedAtMs }: BatchRequest): object {
  const { output, error, status } = job.envelope()
  return {
    id: job.id,
    status,
    ...(output !== undefined && { output }),
    ...(error !== undefined && { error }),
    ...(startedAtMs !== null && { startedAt: startedAtMs }),
    ...(completedAtMs !== null && { completedAt: completedAtMs }),
  }
}

function within(given: string | null, otherwise: number, max: number): number {
  const value = Number(given ?? otherwise)
  return Number.isInteger(value) && value >= 0 ? Math.min(value, max) : otherwise
}

function readJson({ call }: JobCall): unknown {
  try {
    return JSON.parse(call.body.toString('utf8'))
  } catch {
    return null
  }
}
