// What the doors have in common: a call that has been read, the faults it meets, and the answers
// that a fault gives before anything else has looked at the call.
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Endpoint } from './endpoint.ts'
import type { FaultPlan } from './faults.ts'
import { sendWhole } from './http-sink.ts'

export interface DoorCall {
  method: string
  /** What is left of the path behind the endpoint. */
  path: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: Buffer
  response: ServerResponse
}

type Headers = { readonly [name: string]: string }

/** Counts a call that asks for work, and its connection for as long as it is open. */
export function countCall(endpoint: Endpoint, response: ServerResponse): void {
  endpoint.counters.callsSeen += 1
  endpoint.counters.openConnections += 1
  response.once('close', () => {
    endpoint.counters.openConnections -= 1
    if (!response.writableFinished) endpoint.counters.clientsLeft += 1
  })
}

/** True: the call is answered (or left hanging) by its fault. */
export function answeredByFault(
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
  if (response.headersSent) return
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
