// A load-balancing endpoint: the call goes straight to the HTTP server of a worker, and its answer
// comes straight back. There is no queue behind it and nothing is tried again: a call waits a while
// for a worker and is dropped when none comes. A client that leaves is noticed by the worker.
//
//   /lb/<endpoint>/<path>   or   Host: <endpoint>.api.runpod.ai
import type { Account, Endpoint } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import type { DirectCall, Leave } from '../crew.ts'
import type { Chance } from '../engine/random.ts'
import { type Headers, httpSink } from '../http-sink.ts'
import type { JobSink } from '../job-sink.ts'
import type { WorkerEventKind } from '../worker/worker-events.ts'
import { countCall, type DoorCall, edgeHeaders, hasKey, meetFaults, refuse } from './door.ts'
import { tooLarge } from './payload-limits.ts'
import { wrongType } from './platform-door.ts'
import { type Affinity, readAffinity, workerChoice } from './worker-affinity.ts'

interface Balanced {
  readonly call: DoorCall
  readonly endpoint: Endpoint
  readonly account: Account
  readonly headers: Headers
}

const balancedHost = /^([a-z0-9_-]+)\.api\.runpod\.ai(?::\d+)?$/i

/** The endpoint that is meant by the host, where the host means one. */
export function hostedEndpoint(call: DoorCall): string | null {
  return balancedHost.exec(call.headers.host ?? '')?.[1]?.toLowerCase() ?? null
}

/** The same by path, for machines without a name for every endpoint. */
export function serveAlias(call: DoorCall, account: Account, rays: Chance): void {
  const [, id = '', path = ''] = /^\/([^/]+)(.*)$/.exec(call.path) ?? []
  serveBalanced({ ...call, path }, id, account, rays)
}

export function serveBalanced(call: DoorCall, id: string, account: Account, rays: Chance): void {
  const headers = edgeHeaders(rays)
  const endpoint = account.endpoints.get(id)
  if (!hasKey(call, account.options.key)) return refuse(call, headers, 401, 'unauthorized')
  if (endpoint === undefined) return refuse(call, headers, 404, 'not found')
  if (endpoint.model.type !== 'load-balancer') return refuse(call, headers, 400, wrongType)
  const large = tooLarge('balanced', call.body.length, account.options)
  if (large !== null) return refuse(call, headers, 400, large)
  const faults = account.rules.onCall(endpoint.id, 'balanced', true, call.body)
  countCall(endpoint, call.response)
  const balanced = { call, endpoint, account, headers }
  meetFaults(balanced, faults, () => balance(balanced, faults))
}

function balance(balanced: Balanced, faults: FaultPlan): void {
  const { call, endpoint, account, headers } = balanced
  const { response } = call
  const { options } = account
  const affinity = readAffinity(call.headers['x-runpod-worker-id'])
  if (affinity.isStrict && !isThere(endpoint, affinity)) {
    return refuse(call, headers, 404, 'affinity_worker_gone')
  }
  // Workers that attach from outside take jobs and have no address of their own.
  if (endpoint.fleet === null) return refuse(call, headers, 400, 'no workers available')
  let leave: Leave | null = null
  const drop: Drop = (status, error) => {
    company.leave()
    leave?.()
    if (response.headersSent) response.destroy()
    else refuse(call, headers, status, error)
  }
  const company = keepCompany(balanced, affinity, drop)
  leave = endpoint.submit({
    jobId: account.newJobId('runsync'),
    // Not for a handler: it only tells what the work is.
    input: { route: call.path },
    faults,
    sink: sinkOf(call, company, drop),
    direct: directCall(balanced, affinity),
    executionTimeoutMs: options.balancedCallMs,
  })
  if (leave === null) return drop(400, 'no workers available')
  response.once('close', () => {
    company.leave()
    if (response.writableFinished) return
    endpoint.counters.aborted += 1
    leave?.()
  })
}

type Drop = (status: number, error: string) => void

function isThere(endpoint: Endpoint, { workerId }: Affinity): boolean {
  return endpoint.workerViews().some(({ id }) => id === workerId)
}

/** What is watched while a call waits for a worker, and while it is with one. */
interface Company {
  taken(workerId: string): void
  leave(): void
}

/** Drops the call when no worker took it in time, when the one it insists on is gone, and when the
 * one that took it is: the connection to that one breaks at once. */
function keepCompany(
  { endpoint, account }: Balanced,
  { isStrict, workerId }: Affinity,
  drop: Drop,
): Company {
  const { clock, options } = account
  let takenBy: string | null = null
  const error = isStrict ? 'worker_timeout' : 'no workers available'
  const waitMs = isStrict ? options.strictWorkerWaitMs : options.workerWaitMs
  const patience = clock.after(waitMs, () => drop(400, error))
  const deafen = account.onWorkerEvent(({ what, endpointId, workerId: id }) => {
    if (endpointId !== endpoint.id || what === 'job-start' || what === 'job-end') return
    if (id === takenBy && hasEnded.has(what)) drop(502, 'bad gateway')
    const isWanted = takenBy === null && isStrict && id === workerId
    if (isWanted && what === 'remove') drop(404, 'affinity_worker_gone')
  })
  return {
    taken(id) {
      takenBy = id
      patience.cancel()
    },
    leave() {
      patience.cancel()
      deafen()
    },
  }
}

const hasEnded: ReadonlySet<WorkerEventKind> = new Set(['crash', 'park', 'stop'])

function sinkOf({ response }: DoorCall, company: Company, drop: Drop): JobSink {
  return {
    started(workerId) {
      company.taken(workerId)
      if (!response.headersSent) response.setHeader('x-runpod-worker-id', workerId)
    },
    yielded: () => true,
    whenDrained: (callback) => callback(),
    progressed() {},
    done: () => company.leave(),
    failed: () => drop(502, 'bad gateway'),
    requeued: () => drop(502, 'bad gateway'),
    torn: () => company.leave(),
  }
}

function directCall({ call, endpoint, headers }: Balanced, affinity: Affinity): DirectCall {
  const { response } = call
  const requestId = call.headers['x-request-id']
  return {
    request: {
      method: call.method,
      path: call.path,
      mediaType: call.headers['content-type'] ?? null,
      body: call.body,
      requestId: typeof requestId === 'string' ? requestId : null,
    },
    reply: httpSink(response, { ...headers, vary: 'Origin' }),
    mayGoTo: workerChoice(endpoint, affinity),
  }
}
