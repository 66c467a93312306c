// `/v2/<endpoint>/…`: the platform as its clients see it. Every call passes the same checks in the
// same order, and then one operation of the job API, the OpenAI route or a worker's own request.
import type { Account, Endpoint } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import type { Chance } from '../engine/random.ts'
import { isExternal } from '../external/external-crew.ts'
import { serveWorker } from '../external/worker-door.ts'
import { type Headers, sendWhole } from '../http-sink.ts'
import { type JobOperation, jobOperations } from '../jobs/job-api.ts'
import { isOperationName } from '../jobs/operation-names.ts'
import {
  countCall,
  type DoorCall,
  edgeHeaders,
  hasKey,
  meetFaults,
  refuse,
  sendEdgePage,
} from './door.ts'
import { serveOpenaiRoute } from './openai-route.ts'
import { tooLarge } from './payload-limits.ts'

/** What is said where a queue is asked for what a load balancer does, and the other way round. */
export const wrongType = 'not allowed for QB API'

interface Passing {
  readonly call: DoorCall
  readonly endpoint: Endpoint
  readonly account: Account
  readonly operation: string
  readonly headers: Headers
}

export function servePlatform(call: DoorCall, account: Account, rays: Chance): void {
  const [, id = '', rest = ''] = /^\/([^/]+)(.*)$/.exec(call.path) ?? []
  const headers = edgeHeaders(rays)
  if (!hasKey(call, account.options.key)) return refuse(call, headers, 401, 'unauthorized')
  const endpoint = account.endpoints.get(id)
  const [operation = ''] = rest.split('/').filter(Boolean)
  const inner = { ...call, path: rest }
  if (endpoint === undefined) return refuse(call, headers, 404, 'not found')
  if (isExternal(endpoint.crew)) {
    const postMs = account.options.workerPostMs
    if (serveWorker(inner, { crew: endpoint.crew, clock: account.clock, postMs })) return
  }
  pass({ call: inner, endpoint, account, operation, headers })
}

function pass(passing: Passing): void {
  const { call, endpoint, account, operation, headers } = passing
  const served = isOperationName(operation) ? jobOperations[operation] : undefined
  const isRoute = operation === 'openai' && call.path.startsWith('/openai/')
  if (served === undefined && !isRoute) return refuse(call, headers, 404, 'not found')
  if (endpoint.model.type === 'load-balancer' && operation !== 'health') {
    return refuse(call, headers, 400, wrongType)
  }
  if (served?.method === 'POST' && call.method !== 'POST') {
    return refuse(call, headers, 405, 'method not allowed')
  }
  const large = tooLarge(operation, call.body.length, account.options)
  if (large !== null) return refuse(call, headers, 400, large)
  const leave = endpoint.rateLimits.enter(operation, endpoint.workers().running)
  if (leave === null) return refuse(call, headers, 429, 'too many requests')
  call.response.once('close', leave)
  const asksForWork = served?.asksForWork ?? true
  const faults = account.rules.onCall(endpoint.id, operation, asksForWork, call.body)
  if (asksForWork) countCall(endpoint, call.response)
  if (faults.door?.kind !== 'never') limitPatience(call, account)
  meetFaults(passing, faults, () => serve(passing, served, faults))
}

/** Without an operation of the job API it is the OpenAI route. */
function serve(passing: Passing, served: JobOperation | undefined, faults: FaultPlan): void {
  const { call, endpoint, account, headers } = passing
  if (served === undefined) {
    const routed = { ...call, path: call.path.slice('/openai'.length) }
    return serveOpenaiRoute(routed, endpoint, { faults, account, headers })
  }
  served.serve({
    call,
    jobId: call.path.split('/').filter(Boolean)[1] ?? '',
    faults,
    endpoint,
    account,
    reply(status, value) {
      const given = status === 200 ? (faults.goodStatus ?? status) : status
      sendWhole(call.response, given, headers, JSON.stringify(value))
    },
  })
}

/** The network in front of RunPod waits so long for the first byte of anything. */
function limitPatience({ response }: DoorCall, { options, clock }: Account): void {
  if (options.edgeTimeoutMs === 0) return
  const patience = clock.after(options.edgeTimeoutMs, () => sendEdgePage(response, 524))
  response.once('close', () => patience.cancel())
}
