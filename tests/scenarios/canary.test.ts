// Secrets turn up nowhere, in no form: not in the log, the databases, the metrics or an error, on
// whichever surface they were said.
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { systemClock } from '#src/domain/index.ts'
import { type Canary, found } from '../support/canaries.ts'
import {
  type Asking,
  allSurfaces,
  answerGood,
  askedOf,
  askings,
  streamAskings,
  wholeAskings,
} from '../support/openai-surfaces.ts'
import { type Script, startUpstream } from '../support/scripted-upstream.ts'
import { kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import {
  argument,
  credential,
  everything,
  key,
  prompt,
  secrets,
  tellingScripts,
  toolCalls,
} from './telling-upstreams.ts'

test.each(kinds)('in front of %s, what is secret stays inside', async (kind) => {
  await using scene = await startScene(kind)
  const { gateway, upstream, note } = scene
  for (const [name, script] of Object.entries(tellingScripts)) {
    scene.plays(script)
    for (const asking of askings) {
      const response = await ask(gateway, asking, {}, { 'x-podgate-deadline-ms': '400' })
      note(`headers of ${name}, ${asking.name}`, JSON.stringify([...response.headers]))
      const ours = oursIn(await response.text(), response.status)
      note(`what is ours in ${name}, ${asking.name}`, ours)
    }
  }
  expect(scene.played).toEqual(new Set(Object.values(tellingScripts)))
  const asked = new Set(upstream.calls.map((call) => askedOf(call).surface.name))
  expect(asked).toEqual(new Set(allSurfaces))
  for (const call of upstream.calls) {
    expect(call.request.headers.authorization).toBe(`Bearer ${credential.text}`)
    expect(askedOf(call).prompt).toBe(prompt.text)
  }
  scene.plays(answerGood)
  for (const [name, send] of Object.entries(malformed)) {
    for (const asking of wholeAskings) {
      const text = await send(gateway, asking)
      expect(text, `${name}, ${asking.name}`).toContain('error')
      note(`${name}, ${asking.name}`, text)
    }
  }
  await scene.lookEverywhere()
  expect(gateway.logLines().length).toBeGreaterThan(upstream.calls.length)
  expect(scene.leaks).toEqual([])
})

test('when calls crash within, what is secret stays inside', async () => {
  await using scene = await startScene('openai-compatible')
  const { gateway, note } = scene
  scene.plays(tellingScripts['a good answer'] ?? answerGood)
  for (const asking of streamAskings) {
    const leaving = gateway.open(bodyOf(asking), { headers: bearer }, asking.path)
    await leaving.head
    leaving.leave('reset')
    await leaving.ended
  }
  breakLedger(gateway)
  const crashed = askings.map(async (asking) => {
    const response = await ask(gateway, asking)
    const text = await response.text()
    expect(text, asking.name).toContain('ledger_unavailable')
    note(`a crash of ${asking.name}`, oursIn(text, response.status))
  })
  await Promise.all(crashed)
  await gateway.logged({ event: 'ledger', state: 'failing' })
  await scene.lookEverywhere()
  expect(scene.leaks).toEqual([])
})

test.each(secrets.flatMap((one) => forms(one)))(
  'the search finds a %s as %s',
  (name, _form, text) => {
    expect(found(secrets, `before ${text} after`).join()).toContain(name)
  },
)

async function startScene(kind: (typeof kinds)[number]) {
  let script: Script = answerGood
  const played = new Set<Script>()
  const upstream = await startUpstream((call) => {
    played.add(script)
    script(call)
  })
  const gateway = await startTestGateway({
    clock: systemClock,
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
    for (const leak of found(secrets, bytes)) leaks.push(`${where}: ${leak}`)
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

/** With a secret wherever a surface takes a text. */
function bodyOf({ surface, body }: Asking, extra: Record<string, unknown> = {}) {
  const given = { user: prompt.text, ...extra }
  if (!surface.hasTools) return body(given, prompt.text)
  const tools = [{ type: 'function', function: { name: 'f', description: prompt.text } }]
  const asked = { role: 'assistant', tool_calls: toolCalls }
  const messages = [{ role: 'user', content: prompt.text }, asked]
  return body({ messages, tools, ...given })
}

/** Extra members of a good body, or all of one that is not. */
function ask(
  gateway: TestGateway,
  asking: Asking,
  given: string | Record<string, unknown> = {},
  headers: Record<string, string> = {},
) {
  const body = typeof given === 'string' ? given : bodyOf(asking, given)
  return gateway.post(body, { headers: { ...bearer, ...headers } }, asking.path)
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
const malformed: Record<string, (gateway: TestGateway, asking: Asking) => Promise<string>> = {
  'JSON that breaks off': async (gateway, asking) =>
    (await ask(gateway, asking, JSON.stringify(bodyOf(asking)).slice(0, -9))).text(),
  'a member twice': async (gateway, asking) =>
    (await ask(gateway, asking, `{"${argument.text}":1,"model":1,"model":2}`)).text(),
  'a bad prompt': async (gateway, asking) => {
    const messages = [{ role: 7, content: prompt.text }]
    const bad = { role: everything }
    return (await ask(gateway, asking, { messages, prompt: bad, input: bad })).text()
  },
  'a bad parameter': async (gateway, asking) =>
    (await ask(gateway, asking, { stop: [everything, 7], encoding_format: everything })).text(),
  'a bad response format': async (gateway) =>
    (await ask(gateway, askings[0] as Asking, { response_format: everything })).text(),
  'no JSON type': async (gateway, asking) =>
    (await ask(gateway, asking, {}, { 'content-type': 'text/plain' })).text(),
  'a bad header': async (gateway, asking) =>
    (await ask(gateway, asking, {}, { 'x-podgate-deadline-ms': key.text })).text(),
  'an odd id': async (gateway, asking) =>
    `error ${(await ask(gateway, asking, {}, { 'x-request-id': `${key.text} "` })).status}`,
  'a wrong key': async (gateway, asking) =>
    (await ask(gateway, asking, {}, { authorization: `Bearer x${key.text}` })).text(),
  'a key in a wrong scheme': async (gateway, asking) =>
    (await ask(gateway, asking, {}, { authorization: `Basic ${btoa(key.text)}` })).text(),
  'a key in the path': async (gateway) =>
    (await fetch(`${gateway.url}/v1/${encodeURIComponent(key.text)}?k=${prompt.text}`)).text(),
  'a key as a model': async (gateway) => {
    const url = `${gateway.url}/v1/models/${encodeURIComponent(key.text)}`
    return (await fetch(url, { headers: bearer })).text()
  },
  'a wrong method': async (gateway, { path }) => {
    const url = `${gateway.url}${path}?${new URLSearchParams({ k: key.text })}`
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
