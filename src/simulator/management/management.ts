// RunPod's management API (REST v2), as far as a gateway needs it: endpoints, their workers, logs
// and releases, the bill, and the catalogue of GPUs. It lives beside the job API, under names that
// no endpoint has: /v2/serverless, /v2/billing and /v2/catalog.
import { isJsonObject } from '#wire'
import type { Account } from '../contract.ts'
import type { DoorCall } from '../edge/door.ts'
import type { Headers } from '../http-sink.ts'
import { billingReport } from './billing-report.ts'
import { openDirectory } from './directory.ts'
import { endpointDocument, releaseList } from './endpoint-document.ts'
import { catalogOf } from './gpu-catalog.ts'
import { openLogBook } from './log-book.ts'
import { streamLogs } from './log-stream.ts'
import { managementRooms } from './management-rooms.ts'
import { notFound, Problem } from './problem.ts'
import { openQuota } from './quota.ts'
import { workerList } from './worker-list.ts'

export interface Management {
  /** `call.path` begins behind `/v2`. False: it is no path of this API. */
  serve(call: DoorCall, hasKey: boolean): boolean
  close(): void
}

type Answer = { status: number; body: object | null } | 'streaming'
type Operation = (call: DoorCall, ids: readonly string[], headers: Headers) => Answer

const ok = (body: object): Answer => ({ status: 200, body })

export function openManagement(account: Account): Management {
  const { clock, options } = account
  const directory = openDirectory(account)
  const quota = openQuota(options.managementQuota, clock)
  const book = openLogBook()
  const unwatch = account.onWorkerEvent((event) => {
    const image = directory.imageOf(event.endpointId)
    const model = account.endpoints.get(event.endpointId)?.model.model ?? ''
    book.note(event, { image, model })
  })
  const workersOf = (id: string) => account.endpoints.get(id)?.workerViews() ?? []

  const operations: { readonly [pattern: string]: Operation } = {
    'GET /serverless': (call) => {
      const endpoints = directory.list().map((entry) => endpointDocument(entry, originOf(call)))
      return ok({ endpoints })
    },
    'POST /serverless': (call) => {
      const entry = directory.create(readBody(call))
      return { status: 201, body: endpointDocument(entry, originOf(call)) }
    },
    'GET /serverless/*': (call, [id = '']) =>
      ok(endpointDocument(directory.find(id), originOf(call))),
    'PATCH /serverless/*': (call, [id = '']) =>
      ok(endpointDocument(directory.change(id, readBody(call)), originOf(call))),
    'DELETE /serverless/*': (_, [id = '']) => {
      directory.remove(id)
      return { status: 204, body: null }
    },
    'GET /serverless/*/workers': (_, [id = '']) =>
      ok(workerList(directory.find(id), workersOf(id), clock.nowMs())),
    'GET /serverless/*/releases': (_, [id = '']) =>
      ok(releaseList(directory.find(id), workersOf(id))),
    'GET /serverless/*/workers/*/logs': (call, [id = '', workerId = ''], headers) => {
      directory.find(id)
      streamLogs(call, book, { endpointId: id, workerId }, headers)
      return 'streaming'
    },
    'GET /billing/serverless': ({ query }) =>
      ok(billingReport(query, account.bill.spans(), clock.nowMs())),
    'GET /catalog/gpus': ({ query }) => ok(catalogOf(query.getAll('include'))),
  }

  function answer(call: DoorCall, headers: Headers): void {
    const parts = call.path.split('/').slice(1)
    const ids: string[] = []
    const pattern = parts.map((part, at) => {
      const isId = parts[0] === 'serverless' && (at === 1 || at === 3)
      if (isId) ids.push(part)
      return isId ? '*' : part
    })
    const path = `/${pattern.join('/')}`
    const operation = operations[`${call.method} ${path}`]
    if (operation === undefined) {
      const isKnown = Object.keys(operations).some((name) => name.split(' ')[1] === path)
      throw isKnown ? new Problem(405, `${call.method} is not allowed here`) : notFound('route')
    }
    const made = operation(call, ids, headers)
    if (made === 'streaming') return
    const type = made.body === null ? {} : { 'content-type': 'application/json' }
    send(call, made.status, { ...headers, ...type }, made.body ? JSON.stringify(made.body) : '')
  }

  return {
    serve(call, hasKey) {
      if (!managementRooms.includes(call.path.split('/')[1] ?? '')) return false
      let headers: Headers = {}
      try {
        if (!hasKey) throw new Problem(401, 'The API key is missing or not valid.')
        const isTaken = quota.take()
        headers = quota.headers()
        if (!isTaken) {
          headers = { ...headers, 'retry-after': String(quota.retryAfterSeconds()) }
          throw new Problem(429, 'Too many requests.')
        }
        answer(call, headers)
      } catch (cause) {
        if (!(cause instanceof Problem)) throw cause
        const type = { 'content-type': 'application/problem+json' }
        send(call, cause.status, { ...headers, ...type }, cause.body())
      }
      return true
    },
    close: unwatch,
  }
}

function send({ response }: DoorCall, status: number, headers: Headers, body: string): void {
  const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  response.writeHead(status, { ...headers, ...length })
  response.end(body)
}

function readBody({ body }: DoorCall): unknown {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (isJsonObject(value)) return value
  } catch {
    // Said below, as for every other body that is not an object.
  }
  throw new Problem(400, 'The request body must be a JSON object.')
}

function originOf({ headers }: DoorCall): string {
  return `http://${headers.host ?? 'simulator'}`
}
