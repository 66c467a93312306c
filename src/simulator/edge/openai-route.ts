// `/v2/<endpoint>/openai/…`: RunPod wraps the call as a job and relays what the worker yields. Only
// the path and the body travel. While the job waits, the connection is held without a byte; how it
// failed stays inside RunPod, and a client that leaves does not stop the work unless it is set so.
import type { ServerResponse } from 'node:http'
import { isJsonObject, openaiRouteError, parseObject, readPythonDict } from '#wire'
import type { Account, Endpoint } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import { type Headers, httpSink, sendWhole } from '../http-sink.ts'
import type { JobSink } from '../job-sink.ts'
import type { DoorCall } from './door.ts'

interface RouteCall {
  readonly faults: FaultPlan
  readonly account: Account
  readonly headers: Headers
}

export function serveOpenaiRoute(call: DoorCall, endpoint: Endpoint, route: RouteCall): void {
  const { response } = call
  const { faults, account, headers } = route
  const { options } = account
  const body = call.body.length > 0 ? parseObject(call.body.toString('utf8')) : {}
  if (!isJsonObject(body)) {
    sendWhole(response, 400, headers, '{"error":"invalid JSON in the request body"}')
    return
  }
  const leave = endpoint.submit({
    jobId: account.newJobId('runsync'),
    input: { openai_route: call.path, openai_input: body },
    faults,
    sink: routeSink(response, body.stream === true, route),
  })
  if (leave === null) {
    sendWhole(response, 429, headers, '{"error":"too many requests"}')
    return
  }
  response.once('close', () => {
    const stops = options.disconnectCancels || faults.breakOff?.how === 'stall'
    if (response.writableFinished || !stops) return
    endpoint.counters.aborted += 1
    leave()
  })
}

/** Nothing leaves before the worker's first slice; what comes after an edge timeout is dropped. */
function routeSink(
  response: ServerResponse,
  wantsStream: boolean,
  { headers, account }: RouteCall,
): JobSink {
  const { options } = account
  const plain = httpSink(response, headers)
  let streams = false
  let whole = ''
  return {
    started() {},
    yielded(output) {
      if (!streams && (!wantsStream || typeof output !== 'string')) {
        whole = typeof output === 'string' ? output : JSON.stringify(output)
        return true
      }
      if (!streams) {
        if (response.headersSent || response.destroyed) return true
        streams = true
        plain.open()
        limitLifetime(response, account)
      }
      return response.writableEnded || plain.event(String(output), 'content')
    },
    whenDrained: (callback) => plain.whenDrained(callback),
    progressed() {},
    done(result) {
      if (streams) return plain.end()
      sendWhole(response, 200, headers, result === undefined ? whole : textOf(result.output))
    },
    failed(error) {
      const said = options.routeErrors === 'vllm' ? vllmAnswer(error) : null
      if (streams) response.end()
      else sendWhole(response, said?.status ?? 500, headers, said?.body ?? routeError)
    },
    requeued() {},
    torn(rest) {
      if (rest === '') plain.breakOff()
      else if (!response.headersSent) plain.tornWhole(rest)
    },
  }
}

/** However much is still to come, the stream ends cleanly, and the job goes on without a reader. */
function limitLifetime(response: ServerResponse, { options, clock }: Account): void {
  if (options.streamLifetimeMs === 0) return
  const limit = clock.after(options.streamLifetimeMs, () => response.end())
  response.once('close', () => limit.cancel())
}

/** The route relays one value as it is, and out of a list of one the one. */
function textOf(output: unknown): string {
  const value = Array.isArray(output) && output.length === 1 ? output[0] : output
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

/** What vLLM answered, out of the error of the job that failed for it. */
function vllmAnswer(error: string): { status: number; body: string } | null {
  const message = readPythonDict(error)?.message
  const text = typeof message === 'string' ? message : ''
  const said = /^vLLM returned HTTP (\d{3}): (.*)$/s.exec(text)
  return said === null ? null : { status: Number(said[1]), body: said[2] ?? '' }
}

const routeError = JSON.stringify({ error: openaiRouteError })
