// `/v2/<endpoint>/openai/…`: RunPod wraps the call as a job and relays what the worker yields. Only
// the path and the body travel. While the job waits, the connection is held without a byte; how it
// failed stays inside RunPod, and a client that leaves does not stop the work unless it is set so.
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Clock } from '#domain'
import { isJsonObject, openaiRouteError, parseObject } from '#wire'
import { answeredByFault, countCall, type DoorCall, sendEdgePage } from './door.ts'
import type { Endpoint } from './endpoint.ts'
import type { FaultPlan } from './faults.ts'
import { httpSink, sendWhole } from './http-sink.ts'
import type { SimulatorOptions } from './options.ts'
import type { JobSink } from './reply-sink.ts'

export function serveOpenaiRoute(
  call: DoorCall,
  endpoint: Endpoint,
  faults: FaultPlan,
  options: SimulatorOptions,
  clock: Clock,
): void {
  const { response } = call
  const headers = edgeHeaders()
  countCall(endpoint, response)
  if (answeredByFault(faults, response, headers, routeError)) return
  const body = call.body.length > 0 ? parseObject(call.body.toString('utf8')) : {}
  if (!isJsonObject(body)) {
    sendWhole(response, 400, headers, '{"error":"invalid JSON in the request body"}')
    return
  }
  const sink = routeSink(response, headers, endpoint, options)
  const input = { openai_route: call.path, openai_input: body }
  const leave = endpoint.submit({ input, faults, sink })
  if (leave === null) {
    sendWhole(response, 429, headers, '{"error":"too many requests"}')
    return
  }
  const patience =
    options.edgeTimeoutMs === 0
      ? null
      : clock.after(options.edgeTimeoutMs, () => sendEdgePage(response, 524))
  response.once('close', () => {
    patience?.cancel()
    const stops = options.disconnectCancels || faults.breakOff?.how === 'stall'
    if (response.writableFinished || !stops) return
    endpoint.counters.aborted += 1
    leave()
  })
}

/** Nothing leaves before the worker's first slice; what comes after an edge timeout is dropped. */
function routeSink(
  response: ServerResponse,
  headers: { readonly [name: string]: string },
  endpoint: Endpoint,
  options: SimulatorOptions,
): JobSink {
  const plain = httpSink(response, headers)
  const { counters } = endpoint
  let streams = false
  const fail = () => {
    counters.failed += 1
    if (streams) response.end()
    else sendWhole(response, 500, headers, routeError())
  }
  return {
    ...plain,
    started() {},
    failed: fail,
    whole(status, body) {
      if (status >= 400 && options.routeErrors === 'string') return fail()
      counters[status >= 400 ? 'failed' : 'completed'] += 1
      sendWhole(response, status, headers, body === '' ? 'null' : body)
    },
    tornWhole(body) {
      counters.failed += 1
      if (!response.headersSent) plain.tornWhole(body)
    },
    open() {},
    event(text, kind) {
      if (!streams) {
        if (response.headersSent || response.destroyed) return true
        streams = true
        plain.open()
      }
      return plain.event(text, kind)
    },
    end() {
      counters.completed += 1
      if (streams) plain.end()
      else sendWhole(response, 200, headers, '')
    },
    breakOff() {
      counters.failed += 1
      plain.breakOff()
    },
  }
}

function routeError(): string {
  return JSON.stringify({ error: openaiRouteError })
}

function edgeHeaders() {
  const ray = `${randomBytes(8).toString('hex')}-AMS`
  return { server: 'cloudflare', 'cf-cache-status': 'DYNAMIC', 'cf-ray': ray }
}
