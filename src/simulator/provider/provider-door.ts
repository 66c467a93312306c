// `/provider/openai/v1/…`: the provider as its clients see it. It has a key of its own, its own
// headers and errors, and takes what OpenAI's API takes, so that it refuses a body that is written
// for vLLM. A client that leaves stops its generation at once.
import { isJsonObject, parseObject } from '#wire'
import type { Account } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import { countCall, type DoorCall, edgeHeaders, meetFaults } from '../edge/door.ts'
import { askEngine } from '../edge/engine-door.ts'
import { hexDigits } from '../engine/random.ts'
import { type Headers, httpSink, sendWhole } from '../http-sink.ts'
import { memberMistake } from './known-members.ts'
import {
  bodyOfStatus,
  errorBody,
  incorrectKey,
  missingKey,
  type OpenaiError,
  unknownModel,
} from './openai-error.ts'
import { openaiSink } from './openai-sink.ts'
import type { Provider } from './provider.ts'
import { providerName } from './provider-name.ts'

interface Asking {
  readonly call: DoorCall
  readonly account: Account
  readonly headers: Headers
}

type Route = 'chat' | 'completion'

const routes: { readonly [path: string]: Route } = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completion',
}
const root = '/openai'
const modelsPath = '/v1/models'
/** As many bytes of JSON count as a token for the limits of rate. */
const bytesPerToken = 4
/** What OpenRouter and others say with a status of 200 when the machines behind them fail. */
const error200 = '{"error":{"message":"Provider returned error","code":502}}'

export function serveProvider(call: DoorCall, account: Account): void {
  const { provider } = account
  const answered = answerHeaders(provider)
  const mistake = keyMistake(call, account.options.providerKey)
  if (mistake !== null) {
    const challenge = { 'www-authenticate': 'Bearer realm="OpenAI API"' }
    return refuse({ call, account, headers: { ...answered, ...challenge } }, mistake)
  }
  const path = call.path.startsWith(`${root}/`) ? call.path.slice(root.length) : ''
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined
  const isModels = path === modelsPath || path.startsWith(`${modelsPath}/`)
  const asking = { call: { ...call, path }, account, headers: answered }
  if (route === undefined && !isModels) {
    const message = `Invalid URL (${call.method} ${path})`
    return refuse(asking, { status: 404, message })
  }
  if (call.method !== (isModels ? 'GET' : 'POST')) {
    const message = `Not allowed to ${call.method} on ${path}.`
    return refuse(asking, { status: 405, message, code: 'method_not_supported' })
  }
  if (route === undefined) return listModels(asking)
  const spent = provider.spend(Math.ceil(call.body.length / bytesPerToken))
  work({ ...asking, headers: { ...answered, ...spent } }, route)
}

/** OpenAI knows keys with `Bearer` only. */
function keyMistake({ headers }: DoorCall, key: string): OpenaiError | null {
  const given = /^Bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1]
  if (given === undefined) return missingKey()
  return given === key ? null : incorrectKey(given)
}

function answerHeaders({ chance }: Provider): Headers {
  const id = hexDigits(chance, 32)
  return {
    ...edgeHeaders(chance),
    'x-request-id': `req_${id}`,
    'openai-organization': 'org-sim',
    'openai-version': '2020-10-01',
  }
}

function listModels(asking: Asking): void {
  const { call, account, headers } = asking
  const { provider } = account
  const entryOf = (id: string) => {
    return { id, object: 'model', created: provider.startedSeconds, owned_by: 'system' }
  }
  const reply = (value: object) => sendWhole(call.response, 200, headers, JSON.stringify(value))
  if (call.path === modelsPath) {
    return reply({ object: 'list', data: provider.models().map(entryOf) })
  }
  const id = decoded(call.path.slice(modelsPath.length + 1))
  if (provider.engineOf(id) === undefined) return refuse(asking, unknownModel(id))
  reply(entryOf(id))
}

/** The id of a model may have slashes, escaped or not. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function work(asking: Asking, route: Route): void {
  const { call, account, headers } = asking
  const faults = account.rules.onCall(providerName, providerName, true, call.body)
  countCall(account.provider, call.response)
  const isLimited = faults.door?.kind === 'status' && faults.door.status === 429
  const wait = isLimited ? { 'retry-after': '1', 'retry-after-ms': '1000' } : {}
  const met = { ...asking, headers: { ...headers, ...wait } }
  meetFaults(met, faults, () => serve(asking, route, faults), bodyOfStatus)
}

function serve(asking: Asking, route: Route, faults: FaultPlan): void {
  const { call, account, headers } = asking
  const { response } = call
  const { provider, clock } = account
  if (faults.reply === 'busy') return sendWhole(response, 503, headers, bodyOfStatus(503))
  if (faults.reply === 'error-200') return sendWhole(response, 200, headers, error200)
  const body = parseObject(call.body.toString('utf8'))
  if (!isJsonObject(body)) {
    const message = 'We could not parse the JSON body of your request.'
    return refuse(asking, { status: 400, message })
  }
  const mistake = memberMistake(body, route === 'chat')
  if (mistake !== null) return refuse(asking, mistake)
  const engine = provider.engineOf(String(body.model))
  if (engine === undefined) return refuse(asking, unknownModel(String(body.model)))
  const startMs = clock.ticksMs()
  const processing = () => {
    return { 'openai-processing-ms': String(Math.round(clock.ticksMs() - startMs)) }
  }
  const options = isJsonObject(body.stream_options) ? body.stream_options : {}
  const form = { isChat: route === 'chat', includeUsage: options.include_usage === true }
  const sink = openaiSink(form, httpSink(response, headers), processing)
  askEngine({ call, engine, faults, counters: provider.counters, requestId: null }, sink)
}

function refuse({ call, headers }: Asking, error: OpenaiError): void {
  sendWhole(call.response, error.status, headers, errorBody(error))
}
