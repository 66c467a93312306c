// `/engine/<endpoint>/…`: the model as a stock vLLM server would serve it, without a key, a queue
// or a cold start. A client that leaves stops its generation at once.
import type { Account, Endpoint } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import { faultySink, replyInstead } from '../control/fault-sink.ts'
import { faultPlan } from '../control/faults.ts'
import type { CallCounters } from '../endpoint/counters.ts'
import type { BareEngine } from '../engine/bare-engine.ts'
import { busy } from '../engine/refusal.ts'
import { httpSink, sendWhole, vllmHeaders } from '../http-sink.ts'
import type { ReplySink } from '../reply-sink.ts'
import { countCall, type DoorCall, meetFaults } from './door.ts'

const nothingToStop = () => {}

export function serveEngine(call: DoorCall, account: Account): void {
  const [, id = '', path = ''] = /^\/([^/]+)(.*)$/.exec(call.path) ?? []
  const { response } = call
  const endpoint = account.endpoints.get(id)
  if (endpoint === undefined) return sendWhole(response, 404, {}, '{"error":"not found"}')
  const asksForWork = call.method === 'POST'
  const faults = asksForWork
    ? account.rules.onCall(endpoint.id, 'engine', true, call.body)
    : faultPlan([])
  if (asksForWork) countCall(endpoint, response)
  const inner = { ...call, path }
  const go = () => ask(inner, endpoint, faults)
  meetFaults({ call: inner, account, headers: vllmHeaders }, faults, go, vllmError)
}

function ask(call: DoorCall, { bareEngine, counters }: Endpoint, faults: FaultPlan): void {
  const sink = httpSink(call.response, vllmHeaders)
  if (faults.reply !== null) {
    return replyInstead(faults.reply, busy().body, faultySink(faults, sink, nothingToStop))
  }
  const given = call.headers['x-request-id']
  const requestId = typeof given === 'string' ? given : null
  askEngine({ call, engine: bareEngine, faults, counters, requestId }, sink)
}

interface EngineCall {
  readonly call: DoorCall
  readonly engine: BareEngine
  readonly faults: FaultPlan
  readonly counters: CallCounters
  readonly requestId: string | null
}

/** Asks an engine that runs outside of workers; a client that leaves stops its generation. */
export function askEngine(asked: EngineCall, given: ReplySink): void {
  const { call, engine, faults, counters, requestId } = asked
  const { response } = call
  let stop = nothingToStop
  const sink = faultySink(faults, given, () => stop())
  const { slowFirstMs, tokens, hidesUsage } = faults
  stop = engine.ask(
    {
      method: call.method,
      path: call.path,
      mediaType: call.headers['content-type'] ?? null,
      body: call.body,
      requestId,
      wish: { slowFirstMs, tokens, hidesUsage },
    },
    sink,
  )
  response.once('close', () => {
    const goesOn = faults.ignoresStop || faults.breakOff?.how === 'cut'
    if (response.writableFinished || goesOn) return
    counters.aborted += 1
    stop()
  })
}

function vllmError(status: number): string {
  const type = status >= 500 ? 'InternalServerError' : 'BadRequestError'
  const error = { message: 'Asked for by a fault rule', type, param: null, code: status }
  return JSON.stringify({ error })
}
