// The simulator and the gateway run as two processes that share nothing but a socket, as in
// production. The official SDK is the client.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { type GatewayProcess, startProcess, urlOf } from '../support/gateway-process.ts'
import { callRows } from '../support/ledger-rows.ts'
import { errorOf } from '../support/openai-sdk.ts'
import { type RunningProcess, startCommand } from '../support/running-process.ts'
import { checkedResponse } from '../support/schema-checks.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { testKey } from '../support/test-gateway.ts'

const timeoutMs = 90_000
const model = 'qwen2-7b-career'
const messages = [{ role: 'user' as const, content: 'Tell me about ladders' }]
const devModels = parse(
  readFileSync(fileURLToPath(new URL('../../configs/dev/models.yaml', import.meta.url)), 'utf8'),
).models

test(
  'the SDK is answered through two processes, whole and streamed, and SIGTERM ends both with 0',
  async () => {
    const { simulator, gateway, client } = await startBoth('--speed', '50')
    expect(gateway.stdout()).toContain('in front of your RunPod')
    const whole = await client.chat.completions.create({ model, messages, max_tokens: 20 })
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'length' })
    expect(whole.choices[0]?.message.content?.length).toBeGreaterThan(10)
    expect(whole.usage).toMatchObject({ completion_tokens: 20 })

    const options = { include_usage: true }
    const stream = await client.chat.completions.create({
      ...{ model, messages, max_tokens: 20, stream: true, stream_options: options },
    })
    const { text, finish, completionTokens } = await gathered(stream)
    expect(text.length).toBeGreaterThan(10)
    expect([finish, completionTokens]).toEqual(['length', 20])

    const written = await client.completions.create({ model, prompt: 'Once', max_tokens: 5 })
    expect(written.usage).toMatchObject({ completion_tokens: 5 })
    let streamedText = ''
    const asked = { model, prompt: 'Once', max_tokens: 5, stream: true } as const
    for await (const { choices } of await client.completions.create(asked)) {
      streamedText += choices[0]?.text ?? ''
    }
    expect(streamedText.length).toBeGreaterThan(3)
    const { data } = await client.embeddings.create({ model: 'bge-small-en', input: ['a', 'b'] })
    expect(data.map(({ embedding }) => embedding.length)).toEqual([384, 384])

    expect(rowsOf(gateway)).toEqual(
      [20, 20, 5, 5, 0].map((tokens) => ({ outcome: 'ok', source: 'reported', tokens })),
    )
    await endWithZero(gateway)
    await endWithZero(simulator)
    expect(simulator.stderr() + gateway.stderr()).toBe('')
  },
  timeoutMs,
)

test(
  'told to stop amid a stream, the gateway lets it finish, and the simulator stays as it was',
  async () => {
    const { simulator, gateway, client } = await startBoth('--speed', '5')
    const stream = await client.chat.completions.create(long)
    const chunks = stream[Symbol.asyncIterator]()
    await chunks.next()
    gateway.process.kill('SIGTERM')
    await gateway.printed(/"event":"stopping"/)
    const { finish } = await gathered({ [Symbol.asyncIterator]: () => chunks })
    expect(finish).toBe('length')
    expect(await gateway.exited).toBe(0)
    expect(rowsOf(gateway)).toEqual([{ outcome: 'ok', source: 'reported', tokens: 150 }])
    expect(simulator.process.exitCode).toBeNull()
    await endWithZero(simulator)
  },
  timeoutMs,
)

test(
  'when the RunPod ends amid a stream the SDK is told, and the gateway stays',
  async () => {
    const { simulator, gateway, client, url } = await startBoth('--speed', '0.2')
    const stream = await client.chat.completions.create(long)
    const chunks = stream[Symbol.asyncIterator]()
    await chunks.next()
    await endWithZero(simulator)
    const error = await errorOf(gathered({ [Symbol.asyncIterator]: () => chunks }))
    expect(error.code).toBe('upstream_cut')
    const next = await errorOf(client.chat.completions.create({ model, messages }))
    expect([next.status, next.code]).toEqual([502, 'upstream_unreachable'])
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(rowsOf(gateway).map(({ outcome }) => outcome)).toEqual(['failed', 'failed'])
    await endWithZero(gateway)
    expect(gateway.stderr()).toBe('')
  },
  timeoutMs,
)

/** Longer than whatever a test does amid it. */
const long = { model, messages, max_tokens: 150, stream: true, ignore_eos: true } as const

async function startBoth(...flags: string[]) {
  const args = ['simulate', '--port', '0', '--cold', '0', '--json', ...flags]
  const simulator = startCommand(temporaryFolder(), args)
  const [line] = await simulator.printed(/^\{.*\}$/m)
  const { url: runpodUrl, key } = JSON.parse(line)
  const env = { API_KEYS: testKey, RUNPOD_API_KEY: key, RUNPOD_BASE_URL: `${runpodUrl}/v2` }
  const gateway = startProcess({ models: devModels, env })
  const url = await urlOf(gateway)
  const client = new OpenAI({
    apiKey: testKey,
    baseURL: `${url}/v1`,
    maxRetries: 0,
    fetch: async (to, init) => {
      const { pathname } = new URL(to instanceof Request ? to.url : to)
      return checkedResponse(await fetch(to, init), pathname)
    },
  })
  return { simulator, gateway, client, url }
}

async function gathered(stream: AsyncIterable<OpenAI.ChatCompletionChunk>) {
  const all = { text: '', finish: '', completionTokens: 0 }
  for await (const { choices, usage } of stream) {
    all.text += choices[0]?.delta.content ?? ''
    all.finish = choices[0]?.finish_reason ?? all.finish
    all.completionTokens = usage?.completion_tokens ?? all.completionTokens
  }
  return all
}

function rowsOf(gateway: GatewayProcess) {
  const rows = callRows(join(gateway.folder, 'data/podgate-ledger.db'))
  return rows.map(({ outcome, usage_source: source, completion_tokens: tokens }) => ({
    outcome,
    source,
    tokens,
  }))
}

async function endWithZero(running: RunningProcess): Promise<void> {
  running.process.kill('SIGTERM')
  expect(await running.exited).toBe(0)
}
