// `/engine/<endpoint>/…`: the model as a stock vLLM server would serve it, without a key, a queue
// or a cold start. A client that leaves stops its generation at once.
import type { Account } from '../account.ts'
import { faultySink, replyInstead } from '../control/fault-sink.ts'
import { faultPlan } from '../control/faults.ts'
import { busy } from '../engine/refusal.ts'
import { httpSink, sendWhole, vllmHeaders } from '../http-sink.ts'
import { answeredByFault, countCall, type DoorCall } from './door.ts'

export function serveEngine(call: DoorCall, account: Account): void {
  const [, id = '', rest = ''] = /^\/([^/]+)(.*)$/.exec(call.path) ?? []
  const { response } = call
  const endpoint = account.endpoints.get(id)
  if (endpoint === undefined) return sendWhole(response, 404, {}, '{"error":"not found"}')
  const asksForWork = call.method === 'POST'
  const faults = asksForWork
    ? account.rules.onCall(endpoint.id, 'engine', true, call.body)
    : faultPlan([])
  if (asksForWork) countCall(endpoint, response)
  if (answeredByFault(faults, response, vllmHeaders, vllmError)) return
  let stop = () => {}
  const sink = faultySink(faults, httpSink(response, vllmHeaders), () => stop())
  if (faults.reply !== null) return replyInstead(faults.reply, busy().body, sink)
  const { slowFirstMs, tokens, hidesUsage } = faults
  const requestId = call.headers['x-request-id']
  stop = endpoint.bareEngine.ask(
    {
      method: call.method,
      path: rest,
      mediaType: call.headers['content-type'] ?? null,
      body: call.body,
      requestId: typeof requestId === 'string' ? requestId : null,
      wish: { slowFirstMs, tokens, hidesUsage },
    },
    sink,
  )
  response.once('close', () => {
    if (response.writableFinished || faults.breakOff?.how === 'cut') return
    endpoint.counters.aborted += 1
    stop()
  })
}

function vllmError(status: number): string {
  const type = status >= 500 ? 'InternalServerError' : 'BadRequestError'
  const error = { message: 'Asked for by a fault rule', type, param: null, code: status }
  return JSON.stringify({ error })
}
