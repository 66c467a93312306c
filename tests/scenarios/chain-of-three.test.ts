// Two endpoints of RunPod and a provider behind them, each killed in turn while calls come: a client
// hears one well-formed end, no text twice, and a key without the right never leaves the house.

import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storageOptions } from '#src/storage/index.ts'
import { contentOf, eventsOf } from '../support/client-call.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import { commandsOver } from '../support/run-commands.ts'
import { goodAnswer, type Script, startUpstream } from '../support/scripted-upstream.ts'
import { chat, startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

const everyMs = 20
const callsOfEach = 25

async function startServer() {
  const state = { isDead: false }
  const script: Script = (call) => {
    if (!state.isDead) return goodAnswer(call)
    call.response.destroy()
  }
  const upstream = await startUpstream(script)
  onTestFinished(() => upstream[Symbol.asyncDispose]())
  return { url: upstream.url, state }
}

async function createKey(gateway: TestGateway, ...terms: string[]): Promise<string> {
  const storage = storageOptions.parse({ path: join(gateway.folder, 'podgate.db') })
  const { out } = await commandsOver(storage)('keys', 'create', ...terms)
  return out.trim()
}

/** One call each 20 ms, without a look at those before. */
async function askSteadily(gateway: TestGateway, secret: string) {
  const answers: Promise<string>[] = []
  for (let at = 0; at < callsOfEach; at += 1) {
    const headers = { authorization: `Bearer ${secret}` }
    answers.push(gateway.post(chat({ stream: true }), { headers }).then((one) => one.text()))
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
  return Promise.all(answers)
}

function expectOneEnd(text: string): void {
  const errors = text.match(/"error":/g)?.length ?? 0
  expect(errors).toBeLessThanOrEqual(1)
  if (errors === 1) return
  expect(eventsOf(text).isDone).toBe(true)
  expect(contentOf(text)).toBe('Hello there')
}

test('each of three is killed in turn under 50 calls a second', async () => {
  const servers = [await startServer(), await startServer(), await startServer()]
  const [first, second, third] = servers.map(({ url, state }) => ({ url, state }))
  const shared = { servedName: 'served/model', slots: 64 }
  const model = {
    id: 'test-model',
    surfaces: ['openai-chat'],
    contextTokens: 4096,
    prices: { prompt: 2, completion: 6 },
    policy: { allowThirdParty: true },
    deployments: [
      { ...shared, id: 'first', kind: 'runpod', options: runpodAt(first?.url) },
      { ...shared, id: 'second', kind: 'runpod', options: runpodAt(second?.url) },
      {
        ...shared,
        id: 'third',
        kind: 'openai-compatible',
        options: { baseUrl: third?.url, apiKeyEnv: 'EXTERNAL_TEST_KEY' },
      },
    ],
  }
  const config = { routing: { retries: true, circuits: true, fallbackAfterMs: 100 } }
  const baseUrl = first?.url ?? ''
  await using gateway = await startTestGateway({ baseUrl, models: [model], config })
  const allowed = await createKey(gateway, '--name', 'allowed', '--third-party', 'true')
  const kept = await createKey(gateway, '--name', 'kept')
  await until('the keys open', async () => (await gateway.get('/v1/models', kept)).status === 200)
  for (const dying of [null, ...servers]) {
    if (dying !== null) dying.state.isDead = true
    const texts = await Promise.all([askSteadily(gateway, allowed), askSteadily(gateway, kept)])
    for (const text of texts.flat()) expectOneEnd(text)
    const good = texts.map((all) => all.filter((text) => !text.includes('"error":')).length)
    // While one of its plan lives, only what was on its way when another died may fail.
    if (dying === null) expect(good).toEqual([callsOfEach, callsOfEach])
    if (dying === servers[1]) expect(good[0]).toBeGreaterThan(0)
    if (dying === servers[2]) expect(good).toEqual([0, 0])
  }
  await gateway.gateway.close()
  const calls = callRows(gateway.ledgerPath)
  const attempts = attemptRows(gateway.ledgerPath)
  const keyOf = new Map(calls.map((row) => [row.request_id, row.key_id]))
  const abroad = attempts.filter(({ deployment }) => deployment === 'third')
  expect(new Set(abroad.map((row) => keyOf.get(row.request_id))).size).toBe(1)
  expect(abroad.every(({ why }) => why !== null)).toBe(true)
  expect(attempts.some((row) => row.deployment === 'second' && row.why === 'circuit')).toBe(true)
})

function runpodAt(baseUrl = '') {
  return { endpointId: 'any', baseUrl }
}
