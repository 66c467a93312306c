// `/__control/…`: faults by rule, a cold start at will, and a look inside. It needs no key; the
// simulator listens on this machine only.
import { z } from 'zod'
import { parseObject } from '#wire'
import type { DoorCall } from './door.ts'
import type { Endpoint } from './endpoint.ts'
import { type FaultRules, faultRule } from './fault-rules.ts'
import { sendWhole } from './http-sink.ts'

export interface Controlled {
  endpoints: ReadonlyMap<string, Endpoint>
  rules: FaultRules
  /** Open TCP connections, idle ones too. */
  sockets(): number
}

const coldRequest = z.strictObject({ endpoint: z.string().optional() })

/** False: there is no such control. */
export function serveControl(call: DoorCall, controlled: Controlled): boolean {
  const what = `${call.method} ${call.path}`
  if (what === 'POST /faults') addRule(call, controlled.rules)
  else if (what === 'DELETE /faults') {
    controlled.rules.clear()
    reply(call, 200, {})
  } else if (what === 'GET /state') reply(call, 200, stateOf(controlled))
  else if (what === 'POST /cold') makeCold(call, controlled)
  else return false
  return true
}

function addRule(call: DoorCall, rules: FaultRules): void {
  const read = faultRule.safeParse(parseObject(call.body.toString('utf8')))
  if (!read.success) return reply(call, 400, { error: z.prettifyError(read.error) })
  if (!rules.add(read.data)) return reply(call, 429, { error: 'too many rules' })
  reply(call, 200, {})
}

function makeCold(call: DoorCall, { endpoints }: Controlled): void {
  const body = call.body.length === 0 ? {} : parseObject(call.body.toString('utf8'))
  const read = coldRequest.safeParse(body)
  if (!read.success) return reply(call, 400, { error: z.prettifyError(read.error) })
  for (const endpoint of endpoints.values()) {
    if ((read.data.endpoint ?? endpoint.id) === endpoint.id) endpoint.makeCold()
  }
  reply(call, 200, {})
}

function stateOf({ endpoints, sockets }: Controlled) {
  const states = [...endpoints.values()].map((endpoint) => {
    const engine = endpoint.bareEngine.load()
    const load = endpoint.load()
    return [
      endpoint.id,
      {
        workers: endpoint.workers(),
        queued: load.queued + engine.waiting,
        running: load.running + engine.running,
        ...endpoint.counters,
        generatedTokens: endpoint.generatedTokens(),
      },
    ]
  })
  return { sockets: sockets(), endpoints: Object.fromEntries(states) }
}

function reply(call: DoorCall, status: number, value: object): void {
  sendWhole(call.response, status, {}, JSON.stringify(value))
}
