// A kind of upstream that is handed in as one more line of the table: its option, environment name,
// credential and start check work, and no file of src knows of it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { readSettings, startGateway } from '#src/app/index.ts'
import { settingsOfKinds } from '#src/app/kind-settings.ts'
import { kinds } from '#src/upstreams/index.ts'
import { thirdKind } from '../contracts/third-kind/index.ts'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { chat, testKey } from '../support/test-gateway.ts'

const table = { ...kinds, 'third-kind': thirdKind }
const key = 'third-0123456789'
const adminKey = 'admin-key-0123456789abcdef'

const model = {
  id: 'test-model',
  surfaces: ['openai-chat'],
  contextTokens: 4096,
  prices: { prompt: 2, completion: 6 },
  deployments: [{ id: 'third', kind: 'third-kind', servedName: 'served/model', slots: 4 }],
}

beforeEach(() => {
  const folder = temporaryFolder()
  const home = process.cwd()
  onTestFinished(() => process.chdir(home))
  process.chdir(folder)
  mkdirSync(join(folder, 'configs/prod'), { recursive: true })
  writeFileSync('configs/prod/models.yaml', JSON.stringify({ models: [model] }))
})

function read(env: Record<string, string>, options: Record<string, unknown> = {}) {
  const usual = { ENV: 'prod', API_PORT: '0', API_KEYS: testKey, API_ADMIN_KEY: adminKey }
  return readSettings({ ...usual, ...env }, { options }, table)
}

function start(env: Record<string, string>) {
  const logged: string[] = []
  const additions = { apiKeys: [], adminKey: null, simulator: null }
  return startGateway(read(env), { ...additions, writeLog: (line) => void logged.push(line) })
}

test('its option can be set by the environment, by a file and by a flag', () => {
  const given = (env: Record<string, string>, options = {}) =>
    settingsOfKinds(read(env, options), null)('third-kind').section
  expect(given({})).toEqual({ root: 'http://127.0.0.1:1' })
  expect(given({ THIRD_KIND_ROOT: 'http://a.example' })).toEqual({ root: 'http://a.example' })
  writeFileSync('configs/prod/gateway.yaml', 'third-kind: { root: http://b.example }')
  expect(given({})).toEqual({ root: 'http://b.example' })
  const flag = { 'third-kind.root': 'http://c.example' }
  expect(given({}, flag)).toEqual({ root: 'http://c.example' })
})

/* biome-ignore format: a table reads as a table */
test.each([
  [{ THIRD_KIND_ROOT: 'nowhere' },     'environment THIRD_KIND_ROOT: third-kind.root is "nowhere"; allowed: a text that is a valid uri'],
  [{ THIRD_KIND_KEY: 'with a space' }, 'environment THIRD_KIND_KEY: a key with characters that no header carries'],
])('%j is a mistake', (env, mistake) => {
  expect(() => read(env)).toThrow(mistake)
})

test.each([
  ['THIRD_KIND_ROTO', 'THIRD_KIND_ROOT'],
  ['THIRD_KIND_KYE', 'THIRD_KIND_KEY'],
])('%s was meant to be %s', (name, meant) => {
  const said = `environment ${name}: is not known and has no effect; did you mean ${meant}?`
  expect(read({ [name]: 'x' }).warnings).toEqual([said])
})

test('a kind can read the secrets that it declares, and no others', () => {
  const secrets = { THIRD_KIND_KEY: key, RUNPOD_API_KEY: 'rpa_0123456789', EXTERNAL_A_KEY: 'a' }
  const settingsOf = settingsOfKinds(read(secrets), null)
  const readBy = (kind: string) =>
    [...Object.keys(secrets), 'API_KEYS', 'API_ADMIN_KEY', 'ENV'].filter(
      (name) => settingsOf(kind).secret(name) !== null,
    )
  expect(readBy('third-kind')).toEqual(['THIRD_KIND_KEY'])
  expect(readBy('runpod')).toEqual(['RUNPOD_API_KEY'])
  expect(readBy('openai-compatible')).toEqual(['EXTERNAL_A_KEY'])
  expect(readBy('unheard-of')).toEqual([])
})

test('its start check keeps a gateway from starting', async () => {
  await expect(start({})).rejects.toThrow('THIRD_KIND_KEY is missing: the third kind asks for it')
})

test('a call reaches the configured server with the credential', async () => {
  await using server = await startUpstream(goodAnswer)
  const gateway = await start({ THIRD_KIND_ROOT: server.url, THIRD_KIND_KEY: key })
  onTestFinished(() => gateway.close())
  const headers = { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' }
  const body = JSON.stringify(chat())
  const init = { method: 'POST', headers, body }
  expect((await fetch(`${gateway.url}/v1/chat/completions`, init)).status).toBe(200)
  const [call] = server.calls
  expect(call?.request.url).toBe('/api/v1/chat/completions')
  expect(call?.request.headers).toMatchObject({ 'x-api-key': key })
})

test('over the network a deployment may be led to the configured server alone', async () => {
  await using server = await startUpstream(goodAnswer)
  const gateway = await start({ THIRD_KIND_ROOT: server.url, THIRD_KIND_KEY: key })
  onTestFinished(() => gateway.close())
  const apply = async (root: string) => {
    const deployments = [{ ...model.deployments[0], options: { root } }]
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ models: [{ ...model, deployments }] })
    const init = { method: 'POST', headers, body }
    return (await fetch(`${gateway.url}/admin/models/apply`, init)).status
  }
  expect([await apply('http://127.0.0.1:9'), await apply(`${server.url}/here`)]).toEqual([403, 200])
})
