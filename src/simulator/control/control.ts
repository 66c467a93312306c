// `/__control/…`: faults by rule, a cold start at will, time by hand, and a look inside. It needs
// no key: by default the simulator listens on this machine only. A browser on this machine reaches
// it too, so what a page sends is refused: its scripts have an `Origin`, its forms send no JSON.
import { z } from 'zod'
import { parseObject } from '#wire'
import { isManualClock } from '../clock/manual-clock.ts'
import type { Account } from '../contract.ts'
import type { DoorCall } from '../edge/door.ts'
import { sendWhole } from '../http-sink.ts'
import { providerName } from '../provider/provider-name.ts'
import { type FaultRules, faultRule } from './fault-rules.ts'
import type { SimulatorState } from './state.ts'

const coldRequest = z.strictObject({ endpoint: z.string().optional() })
/** Ten days at a time. */
const advanceMaxMs = 10 * 86_400_000
const workerRequest = z.strictObject({
  endpoint: z.string(),
  worker: z.string().nullable().default(null),
  event: z.enum(['lost', 'engine-dead']),
})
const engineRequest = z.discriminatedUnion('event', [
  z.strictObject({ endpoint: z.string(), event: z.enum(['stop', 'die', 'start']) }),
  z.strictObject({ endpoint: z.string(), event: z.literal('resize'), seqsMax: z.int().min(1) }),
])
const noSuchEndpoint = { error: 'there is no such endpoint' }
const clockRequest = z.strictObject({ advanceMs: z.int().min(0).max(advanceMaxMs) })

/** False: there is no such control. */
export function serveControl(
  call: DoorCall,
  account: Account,
  look: () => SimulatorState,
): boolean {
  const what = `${call.method} ${call.path}`
  const { rules } = account
  if (call.headers.origin !== undefined) reply(call, 403, { error: 'not for pages in a browser' })
  else if (call.method === 'POST' && !isJson(call)) {
    reply(call, 415, { error: 'the body must be sent as content-type: application/json' })
  } else if (what === 'POST /faults') addRule(call, rules)
  else if (what === 'GET /faults') reply(call, 200, { rules: rules.list() })
  else if (what === 'DELETE /faults') {
    rules.clear()
    reply(call, 200, {})
  } else if (what === 'GET /state') reply(call, 200, look())
  else if (what === 'POST /cold') makeCold(call, account)
  else if (what === 'POST /workers') strikeWorker(call, account)
  else if (what === 'POST /engine') moveEngine(call, account)
  else if (what === 'GET /clock') reply(call, 200, timeOf(account))
  else if (what === 'POST /clock') advance(call, account)
  else return false
  return true
}

function isJson({ headers }: DoorCall): boolean {
  return /^application\/json *(;|$)/i.test(headers['content-type'] ?? '')
}

function addRule(call: DoorCall, rules: FaultRules): void {
  const read = faultRule.safeParse(parseObject(call.body.toString('utf8')))
  if (!read.success) return reply(call, 400, { error: z.prettifyError(read.error) })
  if (!rules.add(read.data)) return reply(call, 429, { error: 'too many rules' })
  reply(call, 200, {})
}

function makeCold(call: DoorCall, { endpoints }: Account): void {
  const body = call.body.length === 0 ? {} : parseObject(call.body.toString('utf8'))
  const read = coldRequest.safeParse(body)
  if (!read.success) return reply(call, 400, { error: z.prettifyError(read.error) })
  const { endpoint: id } = read.data
  const meant = [...endpoints.values()].filter((endpoint) => (id ?? endpoint.id) === endpoint.id)
  if (id !== undefined && meant.length === 0) return reply(call, 404, noSuchEndpoint)
  for (const endpoint of meant) endpoint.makeCold()
  reply(call, 200, {})
}

/** What happens to one worker: the one that is named, or the busiest. */
function strikeWorker(call: DoorCall, { endpoints }: Account): void {
  const read = workerRequest.safeParse(parseObject(call.body.toString('utf8')))
  if (!read.success) return reply(call, 400, { error: z.prettifyError(read.error) })
  const { endpoint, worker, event } = read.data
  const fleet = endpoints.get(endpoint)?.fleet
  const isStruck = event === 'lost' ? fleet?.lose(worker) : fleet?.killEngine(worker)
  if (isStruck === true) reply(call, 200, {})
  else reply(call, 404, { error: 'there is no such worker' })
}

/** What happens to the vLLM server beside an endpoint's workers; a new size reaches them too. */
function moveEngine(call: DoorCall, { endpoints, provider }: Account): void {
  const read = engineRequest.safeParse(parseObject(call.body.toString('utf8')))
  if (!read.success) return reply(call, 400, { error: z.prettifyError(read.error) })
  const asked = read.data
  const isProvider = asked.endpoint === providerName
  const endpoint = isProvider ? undefined : endpoints.get(asked.endpoint)
  const engine = isProvider ? provider : endpoint?.bareEngine
  const room = isProvider ? provider.room : endpoint?.room
  if (engine === undefined || room === undefined) return reply(call, 404, noSuchEndpoint)
  if (asked.event === 'resize') {
    room.resize(asked.seqsMax)
    return reply(call, 200, { phase: engine.phase(), seqsMax: asked.seqsMax })
  }
  engine.happens(asked.event)
  reply(call, 200, { phase: engine.phase() })
}

/** Answers when everything that falls due in this time has happened, in its order. */
function advance(call: DoorCall, account: Account): void {
  const { clock } = account
  const read = clockRequest.safeParse(parseObject(call.body.toString('utf8')))
  if (!read.success) return reply(call, 400, { error: z.prettifyError(read.error) })
  if (!isManualClock(clock)) {
    return reply(call, 409, { error: 'time runs by itself; start with the option clock=manual' })
  }
  void clock.advance(read.data.advanceMs).then(() => reply(call, 200, timeOf(account)))
}

function timeOf({ clock }: Account): object {
  const nowMs = clock.nowMs()
  return { nowMs, now: new Date(nowMs).toISOString(), manual: isManualClock(clock) }
}

function reply(call: DoorCall, status: number, value: object): void {
  sendWhole(call.response, status, {}, JSON.stringify(value))
}
