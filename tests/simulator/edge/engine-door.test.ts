// `/engine/<endpoint>` over real sockets: it serves as a bare vLLM server, the official SDK can
// read it, and a client that leaves stops its generation.
import { once } from 'node:events'
import { connect } from 'node:net'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { readAnswer } from '../support/events.ts'
import { chat, type EndpointState, runSimulator } from '../support/running.ts'

const simulator = runSimulator({ speed: 50, seqsMax: 1000 })
const path = '/engine/sim-phi/v1/chat/completions'

async function seen(
  wanted: (state: EndpointState) => boolean,
  endpoint = 'sim-phi',
): Promise<EndpointState> {
  for (let look = 0; look < 5000; look += 1) {
    const state = (await simulator.state()).endpoints[endpoint]
    if (state !== undefined && wanted(state)) return state
  }
  throw new Error('it never came to that')
}

describe('a client that leaves stops its generation at once', () => {
  test.each([
    ['in the middle of a stream', { stream: true }],
    ['while it waits for a whole answer', {}],
  ])('%s', async (_, more) => {
    const mixtral = 'sim-mixtral'
    const before = await seen(({ running }) => running === 0, mixtral)
    const leaving = new AbortController()
    const body = chat('[[sim:tokens=15000]]', more)
    const door = `/engine/${mixtral}/v1/chat/completions`
    const answer = simulator
      .call(door, body, { signal: leaving.signal })
      .then((response) => response.text())
      .catch(() => 'gone')
    await seen(({ running }) => running === 1, mixtral)
    leaving.abort()
    const after = await seen(({ aborted }) => aborted === before.aborted + 1, mixtral)
    expect([after.running, after.openConnections]).toEqual([0, 0])
    expect(after.generatedTokens - before.generatedTokens).toBeLessThan(15_000)
    expect(await answer).toBe('gone')
  })
})

test('a client that does not read holds up its own stream only, and loses nothing', async () => {
  const before = await seen(({ running }) => running === 0)
  const body = JSON.stringify(
    chat('hi', { max_tokens: 1900, ignore_eos: true, stream: true, n: 100 }),
  )
  const socket = connect(Number(new URL(simulator.url()).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.pause()
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  await seen((state) => state.generatedTokens >= before.generatedTokens + 190_000)
  const other = await simulator.call(path, chat('hi', { max_tokens: 3 }))
  expect(other.status).toBe(200)
  let text = ''
  socket.setEncoding('utf8').on('data', (part) => {
    text += part
  })
  socket.resume()
  await once(socket, 'end')
  const chunks = text.split('data: ').length
  expect(chunks).toBeLessThan(100_000)
  expect(text.match(/"finish_reason":"length"/g)).toHaveLength(100)
  expect(text).toContain('data: [DONE]')
})

test("the client's request id becomes part of the answer's id", async () => {
  const headers = { 'content-type': 'application/json', 'x-request-id': 'abc-1' }
  const response = await simulator.call(path, chat('hi', { max_tokens: 1 }), { headers })
  expect(await response.json()).toMatchObject({ id: 'chatcmpl-abc-1' })
})

test('slow-first delays the first token by that much', async () => {
  const asked = performance.now()
  await (await simulator.call(path, chat('[[sim:slow-first=120]]', { max_tokens: 1 }))).text()
  expect(performance.now() - asked).toBeGreaterThanOrEqual(119)
})

test('latency delays the whole call by that much', async () => {
  const asked = performance.now()
  const answer = await simulator.call(path, chat('[[sim:latency=120]]', { max_tokens: 1 }))
  expect(performance.now() - asked).toBeGreaterThanOrEqual(119)
  expect(answer.status).toBe(200)
})

test('with ignore-stop it generates to the end for a client that has left', async () => {
  const before = await seen(({ running }) => running === 0)
  const leaving = new AbortController()
  const body = chat('[[sim:ignore-stop]][[sim:tokens=1500]]', { stream: true })
  const answer = simulator
    .call(path, body, { signal: leaving.signal })
    .then((response) => response.text())
    .catch(() => 'gone')
  await seen(({ running }) => running === 1)
  leaving.abort()
  expect(await answer).toBe('gone')
  const after = await seen(({ running }) => running === 0)
  expect(after.generatedTokens - before.generatedTokens).toBe(1500)
  expect(after.aborted).toBe(before.aborted)
})

test('streams of several choices end each with its own reason', async () => {
  const body = chat('hi', { stream: true, n: 2, seed: 1, max_tokens: 100 })
  const text = await (await simulator.call(path, body)).text()
  expect(text.match(/"finish_reason":"/g)).toHaveLength(2)
  expect(readAnswer(text).isDone).toBe(true)
})

describe('the openai SDK', () => {
  const client = () =>
    new OpenAI({ apiKey: 'none', baseURL: `${simulator.url()}/engine/sim-phi/v1`, maxRetries: 0 })
  const messages = [{ role: 'user' as const, content: 'hi' }]
  const model = 'microsoft/phi-2'

  test('reads a whole answer', async () => {
    const answer = await client().chat.completions.create({ model, messages, max_tokens: 5 })
    expect(answer.usage?.completion_tokens).toBe(5)
  })

  test('reads a stream', async () => {
    const stream = await client().chat.completions.create({ model, messages, stream: true })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text.length).toBeGreaterThan(100)
  })

  test('throws its own error for a model that is not there', async () => {
    const asked = client().chat.completions.create({ model: 'nope', messages })
    await expect(asked).rejects.toBeInstanceOf(OpenAI.NotFoundError)
  })

  test('reads completions and their stream', async () => {
    const whole = await client().completions.create({ model, prompt: 'Once', max_tokens: 4 })
    expect(whole.usage?.completion_tokens).toBe(4)
    const stream = await client().completions.create({ model, prompt: 'Once', stream: true })
    let finish: string | null = null
    for await (const chunk of stream) finish = chunk.choices[0]?.finish_reason ?? finish
    expect(finish).toBe('length')
  })

  test('unpacks embeddings', async () => {
    const embeddings = new OpenAI({
      apiKey: 'x',
      baseURL: `${simulator.url()}/engine/sim-embed/v1`,
    })
    const asked = { model: 'BAAI/bge-small-en-v1.5', input: 'hi' }
    const [packed] = (await embeddings.embeddings.create(asked)).data
    const [plain] = (await embeddings.embeddings.create({ ...asked, encoding_format: 'float' }))
      .data
    expect(packed?.embedding).toHaveLength(384)
    expect(packed?.embedding[7]).toBeCloseTo(plain?.embedding[7] ?? Number.NaN, 6)
  })
})
