// `podgate models reset-circuit` against a gateway that runs, against servers that are none, and
// against nobody.
import { expect, onTestFinished, test } from 'vitest'
import type { CliSettings } from '#src/cli/context.ts'
import { openBrokenGateway } from '../support/broken-gateway.ts'
import { commandsOver, jsonOf } from '../support/run-commands.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { answerWhole, type Script, startUpstream } from '../support/scripted-upstream.ts'
import { adminKey, chat, testKey } from '../support/test-gateway.ts'

const command = ['models', 'reset-circuit', 'test-deployment']

function commands(settings: Partial<CliSettings> = {}) {
  const storage = temporaryStorage()
  const http = { host: '127.0.0.1', port: 1 }
  return commandsOver(storage, {
    loadSettings: () => ({ storage, http, adminKey, ...settings }),
  })
}

async function serverOf(script: Script): Promise<string> {
  const server = await startUpstream(script)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server.url
}

test('the gateway that is named closes the circuit, and sends the next call at once', async () => {
  const { gateway, upstream, becomeWell } = await openBrokenGateway()
  expect((await gateway.post(chat())).status).toBe(503)
  becomeWell()
  const run = commands()
  expect(await run(...command, '--url', `${gateway.url}/`)).toEqual({
    code: 0,
    out: 'The circuit of test-deployment was open and is closed now.',
    err: '',
  })
  expect((await gateway.post(chat())).status).toBe(200)
  expect(upstream.calls).toHaveLength(6)
  const again = await run(...command, '--url', gateway.url)
  expect(again.out).toBe('The circuit of test-deployment is closed, as before.')
})

test.each(['127.0.0.1', '0.0.0.0'])(
  'without --url the settings say where it is (%s), and JSON says all',
  async (host) => {
    const { gateway } = await openBrokenGateway()
    const run = commands({ http: { host, port: Number(new URL(gateway.url).port) } })
    expect(jsonOf(await run(...command, '--json'))).toEqual({
      deployment: 'test-deployment',
      model: 'test-model',
      was: 'open',
      circuit: 'closed',
    })
  },
)

test.each<[string, string, string, RegExp]>([
  ['an unknown deployment', 'none', adminKey, /refused with 404: No model that is enabled has /],
  [
    'a key that is not known',
    'test-deployment',
    `${adminKey}x`,
    /does not know this API_ADMIN_KEY/,
  ],
  ['a key without the scope', 'test-deployment', testKey, /refused with 403: /],
])('%s is a failure of one line', async (_what, id, key, says) => {
  const { gateway } = await openBrokenGateway()
  const run = commands({ adminKey: key })
  const result = await run('models', 'reset-circuit', id, '--url', gateway.url)
  expect(result).toMatchObject({ code: 1, out: '', err: expect.stringMatching(says) })
  expect(result.err).not.toMatch(new RegExp(`${key}|\n`))
})

test.each<[string, Partial<CliSettings>, RegExp]>([
  ['no key', { adminKey: null }, /^API_ADMIN_KEY is not set/],
  ['nobody there', {}, /^No gateway answers at http:\/\/127\.0\.0\.1:1 \(\w+\): start it, or say /],
  ['IPv6', { http: { host: '::', port: 1 } }, /^No gateway answers at http:\/\/\[::1\]:1 \(/],
  ['a key that no header takes', { adminKey: 'a\nb-0123456789' }, /^No gateway answers at /],
  ['a port that is free', { http: { host: '::1', port: 0 } }, /^API_PORT is 0.*--url\.$/],
  ['no address', { http: { host: 'a b', port: 1 } }, /^API_HOST .*--url\.$/],
])('%s is told', async (_what, settings, says) => {
  const { code, out, err } = await commands(settings)(...command)
  expect([code, out]).toEqual([1, ''])
  expect(err).toMatch(says)
  expect(err).not.toContain(settings.adminKey ?? adminKey)
})

test.each<[string, Script, RegExp]>([
  [
    'repeats the key',
    (call) => {
      const message = `No: ${call.request.headers.authorization}`
      answerWhole(call, JSON.stringify({ error: { message } }), 400)
    },
    /refused with 400: No: Bearer \[secret\]$/,
  ],
  ['says something else', (call) => answerWhole(call, '{"ok":true}'), /no gateway of this version/],
  ['says nothing', (call) => answerWhole(call, '', 502), /is no gateway: status 502\.$/],
  ['hangs up', ({ socket }) => socket.destroy(), /^No gateway answers at /],
])('a server that %s is told as such', async (_what, script, says) => {
  const { code, err } = await commands()(...command, '--url', await serverOf(script))
  expect(code).toBe(1)
  expect(err).toMatch(says)
  expect(err).not.toContain(adminKey)
})

test('a redirect is not followed: the key goes to the server that was named', async () => {
  const asked: (string | undefined)[] = []
  const other = await serverOf((call) => {
    asked.push(call.request.headers.authorization)
    answerWhole(call, '{}')
  })
  const url = await serverOf(({ response }) => {
    response.writeHead(307, { location: other }).end()
  })
  const { code, err } = await commands()(...command, '--url', url)
  expect([code, asked]).toEqual([1, []])
  expect(err).toMatch(/status 307/)
})

test.each([
  [['models', 'reset-circuit']],
  [[...command, '--url', 'nowhere']],
  [[...command, '--url', 'ftp://127.0.0.1']],
  [[...command, '--url', 'http://me:secret@127.0.0.1']],
  [[...command, '--model', 'test-model']],
])('%s is wrong usage', async (line) => {
  expect(await commands()(...line)).toMatchObject({ code: 2, out: '' })
})
