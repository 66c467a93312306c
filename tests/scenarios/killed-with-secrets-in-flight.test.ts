// A gateway process is killed amid streams. No secret and no prompt of its calls may be in its
// files or its log, and its ledger must be whole.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { storageOptions } from '#src/storage/index.ts'
import { type Canary, canary, found } from '../support/canaries.ts'
import { type ClientCall, openCall } from '../support/client-call.ts'
import { type GatewayProcess, startProcess, urlOf } from '../support/gateway-process.ts'
import { callRows } from '../support/ledger-rows.ts'
import { commandsOver, jsonOf } from '../support/run-commands.ts'
import {
  answerWhole,
  beginStream,
  chunk,
  done,
  lastChunk,
  type ScriptedUpstream,
  startUpstream,
  type UpstreamCall,
  usageChunk,
  usageOf,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { chat, kinds, modelAt } from '../support/test-gateway.ts'

const kills = 2
const slots = 6
const eventsInFlight = 300
const timeoutMs = 120_000

const key = canary('client key', 'ck-', '+/=.~')
const admin = canary('admin key', 'ak-', '+/=.~')
const credential = canary('upstream key', 'uk-', '+/=.~')
const prompt = canary('prompt', 'é"\\/\n ', ' 😀&=?')
const completion = canary('completion', '"ü\t', '\\n<')
const argument = canary('tool argument', '{"q":"', 'ß"}')
const planted = [key, admin, credential, prompt, completion, argument]

const env = {
  ENV: 'prod',
  LOG_LEVEL: 'trace',
  API_KEYS: key.text,
  API_ADMIN_KEY: admin.text,
  EXTERNAL_TEST_KEY: credential.text,
  RUNPOD_API_KEY: credential.text,
}

test.each(kinds)(
  'in front of %s, kill -9 amid streams leaves no secret on disk or in the log, and a whole ledger',
  async (kind) => {
    await using upstream = await startUpstream()
    const folder = temporaryFolder()
    const models = [modelAt({ baseUrl: upstream.url, kind, slots })]
    const made = await madeKey(folder)
    const secrets = [...planted, made]
    const answered: string[] = []
    for (let kill = 1; kill <= kills; kill += 1) {
      const gateway = startProcess({ folder, models, env })
      const url = await urlOf(gateway)
      const open = opener(url, [key, made])
      answered.push(...(await answeredCalls(open, upstream)))
      // The log is buffered for a moment, and a kill takes what is in the buffer.
      await gateway.printed(/(?:"event":"call"[\s\S]*){3}/)
      const cut = await callsInFlight(open, upstream)
      gateway.process.kill('SIGKILL')
      await gateway.exited
      expect(gateway.process.signalCode).toBe('SIGKILL')
      for (const { ended } of cut) expect(await ended).toBe('cut')
      // Before anything opens the files again, which would tidy them up.
      expect(leaksOf(gateway, secrets), `kill ${kill}`).toEqual([])
      await expectWhole(folder, answered)
      expect(leaksOf(gateway, secrets), `verified after kill ${kill}`).toEqual([])
    }
  },
  timeoutMs,
)

/** Its secret is nowhere either: only a hash of it is kept. */
async function madeKey(folder: string): Promise<Canary> {
  const { out } = await commandsIn(folder)('keys', 'create', '--name', 'website')
  const [text = ''] = /^pk-podgate-\S+/.exec(out) ?? []
  expect(text.length).toBeGreaterThan(40)
  return { name: 'made key', text }
}

type Open = (extra?: Record<string, unknown>) => ClientCall

/** Calls whose bodies hold what is secret, by one key after the other. */
function opener(url: string, keys: readonly Canary[]): Open {
  let count = 0
  return (extra = {}) => {
    const { text } = keys[count % keys.length] ?? key
    count += 1
    return openCall(`${url}/v1/chat/completions`, JSON.stringify(body(extra)), {
      headers: { authorization: `Bearer ${text}` },
    })
  }
}

function body(extra: Record<string, unknown>) {
  const tools = [{ type: 'function', function: { name: 'f', description: prompt.text } }]
  const asked = { role: 'assistant', tool_calls: toolCalls }
  const messages = [{ role: 'user', content: prompt.text }, asked]
  return chat({ messages, tools, user: prompt.text, ...extra })
}

const toolCalls = [
  { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: argument.text } },
]

function secretEvents(): string {
  const choices = [{ index: 0, delta: { tool_calls: toolCalls }, finish_reason: null }]
  return chunk(completion.text, { usage: usageOf(11, 1) }) + chunk('', { choices })
}

/** A whole answer, a stream and a refusal that repeats all: rows and lines are written. */
async function answeredCalls(open: Open, upstream: ScriptedUpstream): Promise<string[]> {
  const whole = open()
  answerWhole(await upstream.nextCall(), wholeAnswer(completion.text))
  expect(await whole.ended).toBe('whole')
  const streamed = open({ stream: true })
  const streaming = await upstream.nextCall()
  beginStream(streaming)
  streaming.response.end(secretEvents() + lastChunk() + usageChunk(11, 2) + done)
  await streamed.seen('[DONE]')
  const refused = open()
  const everything = planted.map(({ text }) => text).join(' ')
  const error = { message: `input: ${everything}`, type: everything, param: null, code: 400 }
  answerWhole(await upstream.nextCall(), JSON.stringify({ error }), 400)
  expect(await refused.ended).toBe('whole')
  expect(found(planted, refused.text())).toEqual([])
  return Promise.all([whole, streamed, refused].map(idOf))
}

async function idOf({ head }: ClientCall): Promise<string> {
  return String((await head).headers['x-request-id'])
}

/** Streams that flow and do not end, a call without an answer yet, and one without a place. */
async function callsInFlight(open: Open, upstream: ScriptedUpstream): Promise<ClientCall[]> {
  const streams: ClientCall[] = []
  while (streams.length < slots - 1) {
    const stream = open({ stream: true })
    streams.push(stream)
    void flow(await upstream.nextCall())
  }
  const unanswered = open()
  const { body: sent, request } = await upstream.nextCall()
  expect(request.headers.authorization).toBe(`Bearer ${credential.text}`)
  expect(JSON.parse(sent).messages[0].content).toBe(prompt.text)
  const queued = open({ stream: true })
  await queued.socket
  await Promise.all(
    streams.map(async (stream) => {
      await stream.seen(JSON.stringify(completion.text).slice(1, -1))
      await stream.seen(JSON.stringify(argument.text).slice(1, -1))
    }),
  )
  return [...streams, unanswered, queued]
}

/** More is under way while the client reads the first, and the end never comes. */
async function flow(call: UpstreamCall): Promise<void> {
  beginStream(call)
  for (let said = 0; said < eventsInFlight && !call.socket.destroyed; said += 1) {
    call.response.write(secretEvents())
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const files = ['podgate.db', 'podgate-ledger.db'].flatMap((name) => [
  name,
  `${name}-shm`,
  `${name}-wal`,
])

/** In all that the gateway printed, and in every byte below its folder but the models' file. */
function leaksOf(gateway: GatewayProcess, secrets: readonly Canary[]): string[] {
  const data = join(gateway.folder, 'data')
  const kept = readdirSync(data)
  expect(kept.sort()).toEqual(expect.arrayContaining(files.toSorted()))
  const texts: [string, Buffer | string][] = [
    ['stdout', gateway.stdout()],
    ['stderr', gateway.stderr()],
    ...kept.map((name): [string, Buffer] => [name, readFileSync(join(data, name))]),
  ]
  return texts.flatMap(([where, bytes]) => found(secrets, bytes).map((leak) => `${where}: ${leak}`))
}

/** Each call that was answered has its row, and those that were cut spoil nothing. */
async function expectWhole(folder: string, answered: readonly string[]): Promise<void> {
  const verified = await commandsIn(folder)('ledger', 'verify', '--json')
  expect(jsonOf(verified)).toMatchObject({ isWhole: true, calls: answered.length })
  const rows = callRows(join(folder, 'data/podgate-ledger.db'))
  expect(rows.map(({ request_id }) => request_id).sort()).toEqual(answered.toSorted())
}

function commandsIn(folder: string) {
  const storage = storageOptions.parse({ path: join(folder, 'data/podgate.db') })
  return commandsOver(storage, { nowMs: Date.now })
}
