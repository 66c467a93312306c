// What the doors have in common: a call that has been read, and the answers that a fault or the
// network in front of RunPod gives, whoever would have served the call.
import { type IncomingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Account } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import type { CallCounters } from '../endpoint/counters.ts'
import { type Chance, hexDigits } from '../engine/random.ts'
import { type Headers, sendWhole } from '../http-sink.ts'

export interface DoorCall {
  method: string
  /** What is left of the path behind the endpoint. */
  path: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: Buffer
  response: ServerResponse
}

/** What the network in front of RunPod adds to every answer. */
export function edgeHeaders(chance: Chance): Headers {
  const ray = `${hexDigits(chance, 16)}-AMS`
  return { server: 'cloudflare', 'cf-cache-status': 'DYNAMIC', 'cf-ray': ray }
}

/** RunPod takes its key with and without `Bearer`. */
export function hasKey(call: DoorCall, key: string): boolean {
  const given = call.headers.authorization ?? ''
  return given.replace(/^Bearer\s+/i, '') === key
}

export function refuse(call: DoorCall, headers: Headers, status: number, error: string): void {
  sendWhole(call.response, status, headers, JSON.stringify({ error }))
}

/** The platform's body for a status that needs no other words. */
function plainError(status: number): string {
  return JSON.stringify({ error: (STATUS_CODES[status] ?? 'error').toLowerCase() })
}

/** Counts a call that asks for work, and its connection for as long as it is open. */
export function countCall(
  { counters }: { readonly counters: CallCounters },
  response: ServerResponse,
): void {
  counters.callsSeen += 1
  counters.openConnections += 1
  response.once('close', () => {
    counters.openConnections -= 1
    if (!response.writableFinished) counters.clientsLeft += 1
  })
}

/** What a fault does to any call: it comes late, it is answered at the door, its clock is wrong. */
export function meetFaults(
  { call, account, headers }: { call: DoorCall; account: Account; headers: Headers },
  faults: FaultPlan,
  go: () => void,
  errorBody: (status: number) => string = plainError,
): void {
  const { response } = call
  const { clock } = account
  if (faults.clockSkewMs !== 0) {
    response.setHeader('date', new Date(clock.nowMs() + faults.clockSkewMs).toUTCString())
  }
  const enter = () => {
    if (!response.destroyed && !answeredByFault(faults, response, headers, errorBody)) go()
  }
  if (faults.latencyMs === 0) return enter()
  const delay = clock.after(faults.latencyMs, enter)
  response.once('close', () => delay.cancel())
}

/** True: the call is answered (or left hanging) by its fault. */
function answeredByFault(
  plan: FaultPlan,
  response: ServerResponse,
  headers: Headers,
  errorBody: (status: number) => string,
): boolean {
  const fault = plan.door
  if (fault === null) return false
  if (fault.kind === 'status') sendWhole(response, fault.status, headers, errorBody(fault.status))
  if (fault.kind === 'string-error') {
    sendWhole(response, 500, headers, '{"error":"Error processing the request"}')
  }
  if (fault.kind === 'html') sendEdgePage(response, fault.status)
  if (fault.kind === 'headers-only') {
    const type = { 'content-type': 'text/event-stream; charset=utf-8' }
    response.writeHead(200, { ...headers, ...type }).flushHeaders()
  }
  return true
}

/** The page of the network in front of RunPod, which answers when RunPod does not. */
export function sendEdgePage(response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) return
  const title = `${status}: A timeout occurred`
  const page =
    `<!DOCTYPE html>\n<html lang="en-US">\n<head><title>api.runpod.ai | ${title}</title></head>\n` +
    `<body><h1>Error code ${status}</h1><p>The origin web server did not answer in time.</p>` +
    '</body>\n</html>\n'
  response.writeHead(status, {
    server: 'cloudflare',
    'cf-cache-status': 'DYNAMIC',
    'content-type': 'text/html; charset=UTF-8',
    'content-length': String(Buffer.byteLength(page)),
  })
  response.end(page)
}
