// Ten thousand seeded bodies through the gateway and the simulator: whatever they hold, no server's
// honest count is above what was reserved for the call, so none is capped, and none is charged more.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock, tokenBound } from '#src/domain/index.ts'
import { type Simulator, simulatorOptions, startSimulator } from '#src/simulator/index.ts'
import { callRows } from '../support/ledger-rows.ts'
import { type Random, seededRandom } from '../support/seeded-random.ts'
import { callOf, surfaceNamed } from '../support/surface-call.ts'
import { modelAt, startTestGateway, testKey } from '../support/test-gateway.ts'

const bodies = 10_000
const atOnce = 40
const tokensPerMinute = 1_000_000_000_000
const model = 'test-model'
const prices = { prompt: 2, completion: 6 }
const contextTokens = 4096

let simulator: Simulator

beforeAll(async () => {
  const options = simulatorOptions.parse({ port: 0, coldMs: 0, speed: 10_000, key: 'sim-key' })
  simulator = await startSimulator(options, systemClock)
})
afterAll(() => simulator.close())

/* biome-ignore format: a table reads as a table */
const alphabets = ['plain words of a text ', '多くの言葉', 'ñáéöß ', '"\\\n\t', '🦜🪜', '{"a":[1,2]}', '    ']

function textOf(random: Random): string {
  let text = ''
  const pieces = 1 + random(20)
  for (let n = 0; n < pieces; n += 1) text += alphabets[random(alphabets.length)]
  return text
}

function tokensOf(random: Random): number[] {
  return Array.from({ length: 1 + random(60) }, () => random(30_000))
}

const image = `data:image/png;base64,${'iVBORw0KGgo'.repeat(40)}=`

function partsOf(random: Random): unknown[] {
  const text = { type: 'text', text: textOf(random) }
  return random(4) === 0 ? [text, { type: 'image_url', image_url: { url: image } }] : [text]
}

function chatBody(random: Random) {
  const messages = Array.from({ length: 1 + random(3) }, () => ({
    role: ['user', 'system', 'assistant'][random(3)],
    content: random(3) === 0 ? partsOf(random) : textOf(random),
  }))
  return { messages, ...boundOf(random, 'max_completion_tokens') }
}

function completionBody(random: Random) {
  const lists = [textOf(random), tokensOf(random), [textOf(random), textOf(random)]]
  const prompt = random(4) === 0 ? [tokensOf(random), tokensOf(random)] : lists[random(3)]
  return { prompt, ...boundOf(random, 'max_tokens') }
}

function boundOf(random: Random, name: string) {
  const n = random(5) === 0 ? { n: 8 } : {}
  // Few have none: their answers are as long as the model likes.
  const bound = random(50) === 0 ? {} : { [name]: 1 + random(6) }
  return { ...n, ...bound, stream: random(2) === 0 }
}

/** As its client writes it: all escapes, or none. */
function written(body: object, random: Random): string {
  const text = JSON.stringify({ model, ...body })
  if (random(3) > 0) return text
  return text.replaceAll(
    /[^\x20-\x7e]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

test('none is capped, and none is charged more than was reserved for it', async () => {
  const [usual] = [modelAt({ baseUrl: `${simulator.url}/engine/sim-qwen` }, model)]
  const [deployment] = usual.deployments
  const served = { ...deployment, servedName: 'Qwen/Qwen2-7B-Instruct', slots: 100 }
  await using gateway = await startTestGateway({
    baseUrl: simulator.url,
    models: [{ ...usual, contextTokens, capabilities: ['vision'], deployments: [served] }],
    config: {
      limits: { tokensPerMinute, requestsPerMinute: 1_000_000_000 },
      log: { level: 'silent' },
    },
    secrets: { EXTERNAL_TEST_KEY: 'sim-key-0123456789' },
  })
  const random = seededRandom(10_000)
  const bounds = new Map<string, number>()
  const surfaces = {
    '/v1/chat/completions': surfaceNamed('openai-chat'),
    '/v1/completions': surfaceNamed('openai-completions'),
  }
  const send = async (id: string): Promise<void> => {
    const isChat = random(2) === 0
    const path = isChat ? '/v1/chat/completions' : '/v1/completions'
    const text = written(isChat ? chatBody(random) : completionBody(random), random)
    const { prompt, completion } = tokenBound(callOf(surfaces[path], text), { contextTokens })
    bounds.set(id, (prompt * prices.prompt + completion * prices.completion) * 1000)
    const headers = { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' }
    const init = { method: 'POST', body: text, headers: { ...headers, 'x-request-id': id } }
    await (await fetch(gateway.url + path, init)).arrayBuffer()
  }
  let next = 0
  const worker = async () => {
    while (next < bodies) {
      next += 1
      await send(`body-${next}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))

  const rows = callRows(gateway.ledgerPath)
  expect(rows).toHaveLength(bodies)
  expect(rows.filter(({ usage_source: source }) => source === 'capped')).toEqual([])
  const above = rows.filter(
    (row) => Number(row.charge_nano_usd) > (bounds.get(String(row.client_request_id)) ?? 0),
  )
  expect(above).toEqual([])
  // Most were answered, so that there was something to charge.
  expect(rows.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThan(bodies / 2)
  const { limits } = (await (await gateway.get('/v1/key')).json()) as { limits: object }
  expect(limits).toMatchObject({ tokens_remaining: tokensPerMinute, running: 0 })
}, 240_000)
