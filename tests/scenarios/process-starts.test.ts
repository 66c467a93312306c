// Gateway processes are started as an operator starts them. A good one serves; one that cannot
// start says why, all mistakes at once.
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createKey, keyRequestSchema, revokeKey, termsOf } from '#src/keys/index.ts'
import { openLedgerDatabase, openRegistry, storageOptions } from '#src/storage/index.ts'
import { type ProcessGiven, startProcess, urlOf } from '../support/gateway-process.ts'
import { startCommand } from '../support/running-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { modelAt, testKey } from '../support/test-gateway.ts'

const hasCurl = spawnSync('curl', ['--version']).status === 0
const devModels = parse(
  readFileSync(fileURLToPath(new URL('../../configs/dev/models.yaml', import.meta.url)), 'utf8'),
).models

test.runIf(hasCurl)('every start while developing prints a curl line that works', async () => {
  const folder = temporaryFolder()
  const keys = new Set<string>()
  for (let start = 1; start <= 2; start += 1) {
    const gateway = startProcess({ folder, models: devModels })
    const startedAtMs = performance.now()
    const [line] = await gateway.printed(/^curl .*$/m)
    const { stdout } = await promisify(execFile)('bash', [
      '-c',
      `${line} --silent --fail-with-body`,
    ])
    expect(performance.now() - startedAtMs).toBeLessThan(10_000)
    const answer = JSON.parse(stdout)
    expect(answer).toMatchObject({ object: 'chat.completion', model: 'mixtral-8x22b-instruct' })
    expect(answer.choices[0].message.content.length).toBeGreaterThan(10)
    expect(gateway.stdout()).toContain('a simulated RunPod')
    const [, key = ''] = await gateway.printed(/^ {2}key +(\S+)$/m)
    keys.add(key)
    gateway.process.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    // The key is shown to the developer and to nobody else.
    const log = gateway
      .stdout()
      .split('\n')
      .filter((one) => one.startsWith('{'))
    expect(log.length).toBeGreaterThan(1)
    expect(log.join('\n')).not.toContain(key)
  }
  expect(keys.size).toBe(1)
  expect(statSync(join(folder, 'data/dev-key')).mode & 0o777).toBe(0o600)
})

test('a port that is taken is one clear line', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = String(typeof address === 'object' && address !== null ? address.port : 0)
  const gateway = startProcess({ models: [], env: { API_PORT: port } })
  expect(await gateway.exited).toBe(1)
  expect(gateway.stderr()).toMatch(new RegExp(`^Port ${port} of 127\\.0\\.0\\.1 is taken.*\\n$`))
  server.close()
})

test('a registry that its operator has emptied stays empty', async () => {
  const folder = temporaryFolder()
  const started = async () => {
    const gateway = startProcess({ folder, models: devModels })
    const [, models] = await gateway.printed(/^ {2}models {4}(.*)$/m)
    gateway.process.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    return models
  }
  expect(await started()).toContain('phi-2')
  writeFileSync(join(folder, 'none.yaml'), 'models: []')
  expect(await startCommand(folder, ['models', 'apply', 'none.yaml']).exited).toBe(0)
  expect(await started()).toBe('')
})

/* biome-ignore format: a table reads as a table */
const badFiles: [string, ProcessGiven & { put?: (folder: string) => void }, RegExp][] = [
  ['registry and ledger are one file', { gateway: { storage: { path: 'a.db', ledgerPath: './a.db' } } }, /storage\.ledgerPath is "\.\/a\.db"; allowed: another file than storage\.path/],
  ['the ledger is another program’s', { put: (folder) => foreignAt(join(folder, 'podgate-ledger.db')) }, /podgate-ledger\.db is a database of another program/],
  ['the ledger lacks a table', { put: (folder) => brokenAt(folder) }, /no such table: attempts/],
]

test.each(badFiles)('where %s it ends, and says so in one line', async (_what, given, says) => {
  const folder = temporaryFolder()
  given.put?.(folder)
  const env = { SQLITE_DB_PATH: given.gateway ? '' : join(folder, 'podgate.db') }
  const gateway = startProcess({ ...given, folder, models: devModels, env })
  expect(await gateway.exited).toBe(1)
  expect(gateway.stderr()).toMatch(says)
  expect(gateway.stderr().trimEnd().split('\n')).toHaveLength(1)
})

function foreignAt(path: string): void {
  const db = new Database(path)
  db.exec('create table notes (text)')
  db.close()
}

function brokenAt(folder: string): void {
  const storage = storageOptions.parse({ path: join(folder, 'podgate.db') })
  const db = openLedgerDatabase(storage)
  db.exec('drop table attempts')
  db.close()
}

test('all mistakes are told at once, of whatever kind', async () => {
  const env = {
    ENV: 'test',
    API_PORT: 'x',
    API_TRUST_PROXY: 'true,10.0.0.0/33,1',
    API_KEYS: 'short',
  }
  const gateway = startProcess({ env })
  expect(await gateway.exited).toBe(1)
  expect(gateway.stderr().trimEnd().split('\n')).toEqual([
    'environment ENV: "test"; allowed: dev or prod',
    'environment API_PORT: http.port is "x"; allowed: an integer from 0 to 65535',
    ...['0 is "true"', '1 is "10.0.0.0/33"', '2 is "1"'].map((given) =>
      expect.stringMatching(
        `^environment API_TRUST_PROXY: http.trustProxy.${given}; allowed: an addr`,
      ),
    ),
    expect.stringMatching(/^environment API_KEYS, entry 1: a key of 5 characters/),
  ])
})

test('a host that is nowhere is told with the option that sets it', async () => {
  const gateway = startProcess({ models: [], env: { API_HOST: '203.0.113.1' } })
  expect(await gateway.exited).toBe(1)
  expect(gateway.stderr()).toMatch(
    /^203\.0\.113\.1 is no address of this machine: set API_HOST .*\n$/,
  )
  const nothing = startCommand(temporaryFolder(), ['serve', '--host', ''])
  expect(await nothing.exited).toBe(2)
  expect(nothing.stderr()).toContain('Allowed: an address, such as 127.0.0.1.')
})

test('what has no effect yet, or more than one would think, is warned about', async () => {
  const names = { DATABASE_URL: 'postgres://db', REDIS_URL: 'redis://cache' }
  const env = { ...names, API_KEYS: testKey, API_ADMIN_KEY: testKey }
  const gateway = startProcess({ models: [], env })
  await gateway.printed(/environment DATABASE_URL: has no effect yet: /)
  await gateway.printed(/environment REDIS_URL: has no effect yet: /)
  // Whoever has it may do all, which is taken as given.
  await gateway.printed(/environment API_KEYS, entry 1: is API_ADMIN_KEY too: it may do all/)
})

test('a models file with mistakes is told by its path', async () => {
  const gateway = startProcess({ models: [{ id: 'a b' }] })
  expect(await gateway.exited).toBe(1)
  expect(gateway.stderr()).toMatch(
    /^configs\/dev\/models\.yaml: line 1, models\[0\]\.id: given "a b"/,
  )
})

const here = { baseUrl: 'http://127.0.0.1:9' }
const local = [modelAt(here)]
const podded = [modelAt({ ...here, kind: 'runpod' })]
const anyEndpoint = [{ ...podded[0], deployments: [{ ...podded[0]?.deployments[0], options: {} }] }]
const keys = { API_KEYS: testKey }
const externalKey = { EXTERNAL_TEST_KEY: 'theirs-0123456789' }
const runpodKey = { RUNPOD_API_KEY: 'rpa_0123456789' }

/* biome-ignore format: a table reads as a table */
const halves: { name: string; given: ProcessGiven; missing: string[] }[] = [
  { name: 'without keys', given: { models: podded, env: runpodKey }, missing: ['API_KEYS'] },
  { name: 'without models', given: { env: keys }, missing: ['models apply'] },
  { name: 'without RunPod’s key', given: { models: podded, env: keys }, missing: ['RUNPOD_API_KEY'] },
  { name: 'with an endpoint and no key for it', given: { models: local, env: { ...keys, ...externalKey, RUNPOD_ENDPOINT_ID: 'ep' } }, missing: ['RUNPOD_API_KEY'] },
  { name: 'without an endpoint', given: { models: anyEndpoint, env: { ...keys, ...runpodKey } }, missing: ['RUNPOD_ENDPOINT_ID'] },
  { name: 'without a key that a deployment asks for', given: { models: local, env: keys }, missing: ['EXTERNAL_TEST_KEY is missing: test-deployment'] },
  { name: 'with the models of development', given: { models: devModels, env: { ...keys, ...runpodKey } }, missing: ['RUNPOD_ENDPOINT_ID', 'EXTERNAL_SIMULATED_KEY'] },
  { name: 'with nothing', given: { models: anyEndpoint }, missing: ['API_KEYS', 'RUNPOD_API_KEY', 'RUNPOD_ENDPOINT_ID'] },
]

describe('in production', () => {
  test.each(halves)(
    '$name it does not start, and says what is missing',
    async ({ given, missing }) => {
      const gateway = startProcess({ ...given, env: { ...given.env, ENV: 'prod' } })
      expect(await gateway.exited).toBe(1)
      for (const name of missing) expect(gateway.stderr()).toContain(name)
      expect(gateway.stderr().trimEnd().split('\n')).toHaveLength(missing.length)
      expect(gateway.stderr()).not.toContain('    at ')
      expect(gateway.stdout()).toBe('')
    },
  )

  test('with a key that was revoked it does not start: nobody could use it', async () => {
    const env = { ...runpodKey, ENV: 'prod' }
    const folder = temporaryFolder()
    const registry = await openRegistry(
      storageOptions.parse({ path: join(folder, 'data/podgate.db') }),
    )
    const terms = termsOf(keyRequestSchema.parse({ name: 'web' }), Date.now())
    const { key } = await createKey(registry, terms, 'cli')
    await revokeKey(registry, key.id, { nowMs: Date.now(), actor: 'cli' })
    await registry.close()
    const gateway = startProcess({ folder, models: podded, env })
    expect(await gateway.exited).toBe(1)
    expect(gateway.stderr()).toMatch(/^API_KEYS is missing, and no key of the registry is valid/)
  })

  test('with all of it, it starts, without a simulator, and prints no key', async () => {
    const env = { ...keys, ...runpodKey, ENV: 'prod' }
    const gateway = startProcess({ models: podded, env })
    const url = await urlOf(gateway)
    const authorization = `Bearer ${testKey}`
    const models = await fetch(`${url}/v1/models`, { headers: { authorization } })
    expect(await models.json()).toMatchObject({ data: [{ id: 'test-model' }] })
    expect((await fetch(`${url}/metrics`)).status).toBe(401)
    gateway.process.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    expect(gateway.stdout()).not.toContain(testKey)
    expect(gateway.stdout()).not.toContain('simulated')
  })
})
