import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { type Canary, canary, found } from '../support/canaries.ts'
import {
  answerWhole,
  beginStream,
  chunk,
  done,
  event,
  goodAnswer,
  lastChunk,
  type Script,
  startUpstream,
} from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const key = canary('client key', 'ck-', '+/=.~')
const prompt = canary('prompt', 'é"\\/\n ', ' 😀&=?')
const completion = canary('completion', '"ü\t', '\\n<')
const argument = canary('tool argument', '{"q":"', 'ß"}')
const credential = canary('upstream key', 'uk-', '+/=.~')
const all = [key, prompt, completion, argument, credential]

const toolCalls = [
  { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: argument.text } },
]
const said = (value: unknown) => event({ error: value })
const streams =
  (...events: string[]): Script =>
  (call) => {
    beginStream(call)
    call.response.end(events.join(''))
  }
const refuses =
  (status: number, body: unknown): Script =>
  (call) =>
    answerWhole(call, typeof body === 'string' ? body : JSON.stringify(body), status)

const everything = all.map(({ text }) => text).join(' ')
const validation = {
  message: `1 validation error: {'type': 'x', 'loc': ('body',), 'input': '${everything}'}`,
  type: 'BadRequestError',
  param: prompt.text,
  code: 400,
}

/** What an upstream may say, the worst it could repeat included. */
const scripts: Record<string, Script> = {
  'a good answer': (call) => {
    if (JSON.parse(call.body).stream !== true) {
      const message = { role: 'assistant', content: completion.text, tool_calls: toolCalls }
      return answerWhole(
        call,
        JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }),
      )
    }
    const choices = [{ index: 0, delta: { tool_calls: toolCalls }, finish_reason: null }]
    streams(chunk(completion.text), chunk('', { choices }), lastChunk(), done)(call)
  },
  'an answer of nonsense': refuses(200, everything),
  'an answer of another shape': refuses(200, { text: everything }),
  'a refusal that repeats the prompt': refuses(400, { error: validation }),
  'an older refusal': refuses(422, { object: 'error', ...validation }),
  'a refusal by a worker': refuses(500, {
    error: `vLLM returned HTTP 400: ${JSON.stringify({ error: validation })}`,
  }),
  'a context that is too long': refuses(400, {
    error: { ...validation, message: `maximum context length is 9 tokens ${everything}` },
  }),
  'a refused credential': refuses(401, { error: `wrong key ${everything}` }),
  'a crash': refuses(500, { error: { ...validation, type: everything, code: everything } }),
  'a crash in Python': refuses(500, `Traceback (most recent call last): ${everything}`),
  'an edge': ({ response }) => {
    response.writeHead(502, { 'content-type': `text/html; x="${encodeURIComponent(everything)}"` })
    response.end(`<html>${everything}</html>`)
  },
  'a redirect': ({ response }) => {
    response.writeHead(307, { location: `/${encodeURIComponent(everything)}` }).end(everything)
  },
  'an error inside a 200': streams(said(validation), done),
  'an error after the first token': streams(chunk(completion.text), said(validation), done),
  'a broken event': streams(chunk('ok'), `data: {"x": ${everything}\n\n`),
  'a cut within an event': (call) => {
    beginStream(call)
    call.response.write(chunk('ok') + chunk(everything).slice(0, -2), () => call.socket.destroy())
  },
  'a finish of its own': streams(chunk('ok'), lastChunk(0, 'error'), done),
  'no HTTP': ({ socket }) => void socket.end(`HTTP/9 ${everything}\r\n\r\n`),
  'headers without end': ({ socket }) => {
    socket.end(`HTTP/1.1 200 OK\r\nx-big: ${everything.replaceAll('\n', '')}${'x'.repeat(99_999)}`)
  },
  // The last: calls that follow are held back for a while.
  'a quota': refuses(429, everything),
}

test.each(kinds)('in front of %s, what is secret stays inside', async (kind) => {
  await using scene = await startScene(kind)
  const { gateway, upstream, note } = scene
  for (const [name, script] of Object.entries(scripts)) {
    scene.plays(script)
    for (const stream of [true, false]) {
      const response = await ask(gateway, body({ stream }), { 'x-podgate-deadline-ms': '400' })
      note(`headers of ${name}`, JSON.stringify([...response.headers]))
      note(`what is ours in ${name}`, oursIn(await response.text(), response.status))
    }
  }
  expect(scene.played).toEqual(new Set(Object.values(scripts)))
  expect(upstream.calls[0]?.request.headers.authorization).toBe(`Bearer ${credential.text}`)
  expect(JSON.parse(upstream.calls[0]?.body ?? '').messages[0].content).toBe(prompt.text)
  scene.plays(goodAnswer)
  for (const [name, send] of Object.entries(malformed)) {
    const text = await send(gateway)
    expect(text, name).toContain('error')
    note(name, text)
  }
  await scene.lookEverywhere()
  expect(gateway.logLines().length).toBeGreaterThan(upstream.calls.length)
  expect(scene.leaks).toEqual([])
})

test('when a call crashes within, what is secret stays inside', async () => {
  await using scene = await startScene('openai-compatible')
  const { gateway, note } = scene
  scene.plays(scripts['a good answer'] ?? goodAnswer)
  const leaving = gateway.open(body({ stream: true }), { headers: bearer })
  await leaving.head
  leaving.leave('reset')
  await leaving.ended
  breakLedger(gateway)
  const crashed = await ask(gateway, body({ stream: false }))
  expect(crashed.status).toBe(503)
  note('a crash', await crashed.text())
  await gateway.logged({ event: 'ledger', state: 'failing' })
  await scene.lookEverywhere()
  expect(scene.leaks).toEqual([])
})

test.each(all.flatMap((one) => forms(one)))('the search finds a %s as %s', (name, _form, text) => {
  expect(found(all, `before ${text} after`).join()).toContain(name)
})

async function startScene(kind: (typeof kinds)[number]) {
  let script: Script = goodAnswer
  const played = new Set<Script>()
  const upstream = await startUpstream((call) => {
    played.add(script)
    script(call)
  })
  const gateway = await startTestGateway({
    baseUrl: upstream.url,
    kind,
    secrets: {
      API_KEYS: key.text,
      EXTERNAL_TEST_KEY: credential.text,
      RUNPOD_API_KEY: credential.text,
    },
    config: { log: { level: 'trace' } },
  })
  const leaks: string[] = []
  const note = (where: string, bytes: Buffer | string) => {
    for (const leak of found(all, bytes)) leaks.push(`${where}: ${leak}`)
  }
  return {
    gateway,
    upstream,
    played,
    leaks,
    note,
    plays(next: Script): void {
      script = next
    },
    /** In what a running gateway shows and keeps, its journals included, and in all that it logged. */
    async lookEverywhere(): Promise<void> {
      note('metrics', await gateway.metrics())
      note('readiness', await (await fetch(`${gateway.url}/readyz`)).text())
      const files = readdirSync(gateway.folder)
      expect(files).toContain('podgate-ledger.db-wal')
      for (const file of files) note(file, readFileSync(join(gateway.folder, file)))
      await gateway.gateway.close().catch(() => {})
      for (const line of gateway.logLines()) note(`log of ${line.event}`, JSON.stringify(line))
    },
    async [Symbol.asyncDispose]() {
      await gateway.gateway.close().catch(() => {})
      await upstream[Symbol.asyncDispose]()
    },
  }
}

const bearer = { authorization: `Bearer ${key.text}` }

function body(extra: Record<string, unknown>) {
  const tools = [{ type: 'function', function: { name: 'f', description: prompt.text } }]
  const asked = { role: 'assistant', tool_calls: toolCalls }
  const messages = [{ role: 'user', content: prompt.text }, asked]
  return chat({ messages, tools, user: prompt.text, ...extra })
}

function ask(gateway: TestGateway, given: unknown, headers: Record<string, string> = {}) {
  return gateway.post(given, { headers: { ...bearer, ...headers } })
}

/** Content belongs to the client; all else in an answer is ours to keep clean. */
function oursIn(text: string, status: number): string {
  if (status !== 200) return text
  if (!text.startsWith('data:') && !text.startsWith(':')) return ''
  return text
    .split('\n\n')
    .filter((one) => !one.startsWith('data: {"id"'))
    .join('\n')
}

/** A repeat of what was sent is a leak, even to the one who sent it: answers end up in logs. */
const malformed: Record<string, (gateway: TestGateway) => Promise<string>> = {
  'JSON that breaks off': async (gateway) =>
    (await ask(gateway, JSON.stringify(body({})).slice(0, -9))).text(),
  'a member twice': async (gateway) =>
    (await ask(gateway, `{"${argument.text}":1,"messages":1,"messages":2}`)).text(),
  'a bad role': async (gateway) =>
    (await ask(gateway, body({ messages: [{ role: 7, content: prompt.text }] }))).text(),
  'a bad parameter': async (gateway) =>
    (await ask(gateway, body({ stop: [everything, 7] }))).text(),
  'a bad response format': async (gateway) =>
    (await ask(gateway, body({ response_format: everything }))).text(),
  'no JSON type': async (gateway) =>
    (await ask(gateway, body({}), { 'content-type': 'text/plain' })).text(),
  'a bad header': async (gateway) =>
    (await ask(gateway, body({}), { 'x-podgate-deadline-ms': key.text })).text(),
  'an odd id': async (gateway) =>
    `error ${(await ask(gateway, body({}), { 'x-request-id': `${key.text} "` })).status}`,
  'a wrong key': async (gateway) =>
    (await ask(gateway, body({}), { authorization: `Bearer x${key.text}` })).text(),
  'a key in a wrong scheme': async (gateway) =>
    (await ask(gateway, body({}), { authorization: `Basic ${btoa(key.text)}` })).text(),
  'a key in the path': async (gateway) =>
    (await fetch(`${gateway.url}/v1/${encodeURIComponent(key.text)}?k=${prompt.text}`)).text(),
  'a key as a model': async (gateway) => {
    const url = `${gateway.url}/v1/models/${encodeURIComponent(key.text)}`
    return (await fetch(url, { headers: bearer })).text()
  },
  'a wrong method': async (gateway) => {
    const url = `${gateway.url}/v1/chat/completions?${new URLSearchParams({ k: key.text })}`
    return (await fetch(url, { headers: bearer })).text()
  },
  'no HTTP': (gateway) => shout(gateway, `${everything}\r\n\r\n`),
  'a header that is too long': (gateway) =>
    shout(gateway, `GET / HTTP/1.1\r\nhost: x\r\nx: ${key.text}${'x'.repeat(99_999)}\r\n\r\n`),
}

function shout(gateway: TestGateway, text: string): Promise<string> {
  const { port, hostname } = new URL(gateway.url)
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => socket.write(text))
    socket.on('data', (piece) => {
      answer += piece
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

/** The worst that can happen to it: every write from now on throws. */
function breakLedger({ ledgerPath }: TestGateway): void {
  const connection = new Database(ledgerPath)
  connection.exec('drop table calls')
  connection.close()
}

function forms({ name, text }: Canary): [string, string, string][] {
  const base64 = (before: string) => Buffer.from(before + text).toString('base64')
  return [
    [name, 'it is', text],
    [name, 'JSON', JSON.stringify({ text })],
    [name, 'a URL', encodeURIComponent(text)],
    [name, 'base64', base64('')],
    [name, 'base64 one further', base64('x')],
    [name, 'base64 two further', base64('xy')],
  ]
}
