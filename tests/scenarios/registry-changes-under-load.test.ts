// Commands change keys and models of a gateway that is busy: each change holds within a second of
// the command's end, no call fails by it, and what was in flight finishes where it began.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { verifyLedger } from '#src/accounting/index.ts'
import { storageOptions } from '#src/storage/index.ts'
import { root } from '../house/source-files.ts'
import { contentOf, eventsOf } from '../support/client-call.ts'
import { callRows } from '../support/ledger-rows.ts'
import { commandsOver } from '../support/run-commands.ts'
import {
  beginStream,
  chunk,
  done,
  goodAnswer,
  lastChunk,
  startUpstream,
} from '../support/scripted-upstream.ts'
import { chat, startTestGateway, type TestGateway, testKey } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)

function modelsText(baseUrl: string, prompt: number, aliases: string[] = []): string {
  const options = { baseUrl, apiKeyEnv: 'EXTERNAL_TEST_KEY' }
  const deployments = ['one', 'two'].map((id) => ({
    id,
    kind: 'openai-compatible',
    servedName: 'served/model',
    slots: 64,
    thirdParty: false,
    options,
  }))
  const model = {
    id: 'test-model',
    aliases,
    surfaces: ['openai-chat'],
    contextTokens: 4096,
    prices: { prompt, completion: 6 },
    deployments,
  }
  return JSON.stringify({ models: [model] })
}

interface OwnKey {
  name: string
  team_id: string | null
  models: string[] | null
  limits: { requests_per_minute: number; concurrency: number | null }
}

async function given() {
  const upstream = await startUpstream((call) => {
    // One that says it waits is answered by the test.
    if (!call.body.includes('hold on')) return goodAnswer(call)
    beginStream(call)
    call.response.write(chunk('before '))
  })
  onTestFinished(() => upstream[Symbol.asyncDispose]())
  const { models } = JSON.parse(modelsText(upstream.url, 2))
  const config = { http: { failuresPerMinute: 1_000_000 } }
  const gateway = await startTestGateway({ baseUrl: upstream.url, models, config })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  const path = join(gateway.folder, 'podgate.db')
  const storage = storageOptions.parse({ path })
  /** In a process of its own. */
  const podgate = async (...args: string[]): Promise<string> => {
    const env = { ...process.env, ENV: 'dev', SQLITE_DB_PATH: path }
    const { stdout } = await run(process.execPath, ['src/main.ts', ...args], { cwd: root, env })
    return stdout.trim()
  }
  /** The same commands without a second to start in; their connection is their own. */
  const command = async (...args: string[]): Promise<string> => {
    const result = await commandsOver(storage)(...args)
    expect(result).toMatchObject({ code: 0 })
    return result.out
  }
  return { upstream, gateway, podgate, command, storage }
}

/** Calls without a pause until told to stop; their statuses. */
function keepBusy({ post }: TestGateway, secret = testKey): { stop(): Promise<number[]> } {
  const headers = { authorization: `Bearer ${secret}` }
  let isOver = false
  const statuses: number[] = []
  const caller = async (stream: boolean) => {
    while (!isOver) {
      const response = await post(chat({ stream }), { headers })
      const text = await response.text()
      const isWhole = !stream || eventsOf(text).isDone
      statuses.push(isWhole ? response.status : 0)
    }
  }
  const callers = [true, false].map(caller)
  onTestFinished(() => {
    isOver = true
  })
  return {
    async stop() {
      isOver = true
      await Promise.all(callers)
      return statuses
    },
  }
}

async function within1s(holds: () => Promise<boolean>): Promise<void> {
  const sinceMs = performance.now()
  await until('the change holds', holds)
  expect(performance.now() - sinceMs).toBeLessThan(1000)
}

test('keys and models change under load: at once for all, and no call fails', async () => {
  const { upstream, gateway, podgate, command, storage } = await given()
  const statusOf = async (secret: string, model = 'test-model') => {
    const headers = { authorization: `Bearer ${secret}` }
    const response = await gateway.post(chat({ model }), { headers })
    await response.text()
    return response.status
  }
  const deploymentNow = async () => {
    const response = await gateway.post(chat())
    await response.text()
    return response.headers.get('x-podgate-deployment')
  }
  const held = gateway.open(
    chat({ stream: true, messages: [{ role: 'user', content: 'hold on' }] }),
  )
  const atUpstream = await upstream.nextCall()
  await held.seen('before')
  const load = keepBusy(gateway)

  const secret = await podgate('keys', 'create', '--name', 'late')
  await within1s(async () => (await statusOf(secret)) === 200)

  expect(await deploymentNow()).toBe('one')
  await command('models', 'disable', 'test-model', '--deployment', 'one')
  await within1s(async () => (await deploymentNow()) === 'two')

  const file = join(gateway.folder, 'models.yaml')
  writeFileSync(file, modelsText(upstream.url, 3, ['gpt-4o']))
  await command('models', 'apply', file)
  await within1s(async () => (await statusOf(secret, 'gpt-4o')) === 200)

  const id = JSON.parse(await command('keys', 'list', '--json')).keys[0].id
  await command('keys', 'revoke', id)
  await within1s(async () => (await statusOf(secret)) === 401)

  const statuses = await load.stop()
  expect(statuses.length).toBeGreaterThan(50)
  expect(new Set(statuses)).toEqual(new Set([200]))

  // What began where calls no longer go ends there, as it would have.
  atUpstream.response.end(chunk('after') + lastChunk() + done)
  expect(await held.ended).toBe('whole')
  expect(contentOf(held.text())).toBe('before after')
  expect(eventsOf(held.text()).isDone).toBe(true)

  const prices = new Set(callRows(gateway.ledgerPath).map((row) => row.prompt_nano_usd))
  expect(prices).toEqual(new Set([2000, 3000]))
  expect(verifyLedger(storage, Date.now()).problems).toEqual([])
})

test('a key changes under its own load: at once, and no call of its or of others fails', async () => {
  const { upstream, gateway, podgate, command, storage } = await given()
  const asked = '--name busy --team blue --rpm 900000 --json'
  const made = await command('keys', 'create', ...asked.split(' '))
  const { id, secret }: { id: string; secret: string } = JSON.parse(made)
  const headers = { authorization: `Bearer ${secret}` }
  const statusNow = async () => {
    const response = await gateway.post(chat(), { headers })
    await response.text()
    return response.status
  }
  const update = (line: string) => command('keys', 'update', id, ...line.split(' '))
  await within1s(async () => (await statusNow()) === 200)
  const hold = chat({ stream: true, messages: [{ role: 'user', content: 'hold on' }] })
  const held = gateway.open(hold, { headers })
  await held.seen('before')
  const atUpstream = upstream.calls.at(-1)
  const [own, others] = [keepBusy(gateway, secret), keepBusy(gateway)]

  const wider = '--name busier --team red --rpm 800000 --tpm 1000000000 --concurrency 64'
  const all = `${wider} --models test-model --scopes chat,admin-read --expires 1h`
  await podgate('keys', 'update', id, ...all.split(' '))
  const expected = ['busier', 'red', ['test-model'], 800_000, 64]
  await within1s(async () => {
    const shown = (await (await gateway.get('/v1/key', secret)).json()) as OwnKey
    const { name, team_id, models, limits } = shown
    const said = [name, team_id, models, limits.requests_per_minute, limits.concurrency]
    return isDeepStrictEqual(said, expected)
  })
  expect(await gateway.logged({ event: 'call', key_id: id, team_id: 'red' })).toBeDefined()
  const statuses = await own.stop()
  expect(statuses.length).toBeGreaterThan(20)
  expect(new Set(statuses)).toEqual(new Set([200]))

  for (const [line, status] of [
    ['--scopes embeddings', 403],
    ['--scopes chat', 200],
    ['--models other', 403],
    ['--all-models', 200],
    ['--rpm 1', 429],
    ['--rpm default --tpm default', 200],
  ] as const) {
    await update(line)
    await within1s(async () => (await statusNow()) === status)
  }
  expect(new Set(await others.stop())).toEqual(new Set([200]))

  // What began before all that ends as it would have, and is booked on whom it began for.
  atUpstream?.response.end(chunk('after') + lastChunk() + done)
  expect(await held.ended).toBe('whole')
  expect(eventsOf(held.text()).isDone).toBe(true)
  const requestId = (await held.head).headers['x-request-id']
  const rows = callRows(gateway.ledgerPath).filter((row) => row.key_id === id)
  const heldRow = rows.find((row) => row.request_id === requestId)
  expect(heldRow).toMatchObject({ team_id: 'blue', outcome: 'ok' })
  expect(new Set(rows.map((row) => row.team_id))).toEqual(new Set(['blue', 'red']))
  expect(verifyLedger(storage, Date.now()).problems).toEqual([])
})

test('an answer under an alias has the name that was asked for, and its record the model’s', async () => {
  const { upstream, gateway, command } = await given()
  const file = join(gateway.folder, 'models.yaml')
  writeFileSync(file, modelsText(upstream.url, 2, ['gpt-4o']))
  await command('models', 'apply', file)
  const ask = (stream: boolean) => gateway.post(chat({ model: 'gpt-4o', stream }))
  await within1s(async () => (await ask(false)).status === 200)
  const whole = await ask(false)
  expect(await whole.json()).toMatchObject({ model: 'gpt-4o' })
  expect(whole.headers.get('x-podgate-model')).toBe('test-model')
  const { events } = eventsOf(await (await ask(true)).text())
  expect(new Set(events.map(({ model }) => model))).toEqual(new Set(['gpt-4o']))
  const listed = (await (await gateway.get('/v1/models')).json()) as { data: { id: string }[] }
  expect(listed.data.map(({ id }) => id)).toEqual(['test-model', 'gpt-4o'])
  const rows = callRows(gateway.ledgerPath)
  expect(new Set(rows.map((row) => row.model))).toEqual(new Set(['test-model']))
})
