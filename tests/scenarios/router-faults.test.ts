// The six faults that were reported against vLLM's own router, each as a test of ours.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { heldMemory } from '../support/held-memory.ts'
import { goodAnswer, startUpstream, wholeAnswer } from '../support/scripted-upstream.ts'
import { adminKey, chat, startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

const kind = 'openai-compatible' as const
const config = { routing: { retries: true, circuits: true } }

async function running(gateway: TestGateway): Promise<number> {
  const response = await gateway.get('/health/detailed', adminKey)
  const { deployments } = JSON.parse(await response.text())
  return deployments[0].running
}

test('a client that cancels a whole answer stops the engine', async () => {
  await using upstream = await startUpstream()
  await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config })
  const client = gateway.open(chat())
  const call = await upstream.nextCall()
  client.leave('close')
  await call.closed
})

test('a dead backend does not hang its clients: it has a time in which to begin', async () => {
  await using upstream = await startUpstream(() => {})
  const upstreams = { firstByteMs: 100 }
  const at = { baseUrl: upstream.url, kind, config: { ...config, upstreams } }
  await using gateway = await startTestGateway(at)
  const response = await gateway.post(chat())
  expect(response.status).toBe(504)
})

test('more than a thousand calls at once end no process: some wait, the rest hear so', async () => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 64, config })
  const asked = Array.from({ length: 1_200 }, () => gateway.post(chat()))
  const statuses = new Set((await Promise.all(asked)).map(({ status }) => status))
  expect([...statuses].every((status) => status === 200 || status === 429)).toBe(true)
  expect((await gateway.post(chat())).status).toBe(200)
})

test('what is remembered of prompts does not grow with them', async () => {
  // One that keeps nothing itself: the scripted one remembers its calls.
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(wholeAnswer('Hi'))
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo // it listens on a port
  const baseUrl = `http://127.0.0.1:${port}`
  await using gateway = await startTestGateway({ baseUrl, kind, config })
  const ask = async (from: number, count: number) => {
    for (let at = from; at < from + count; at += 1) {
      const content = `${at} `.repeat(10_000)
      const response = await gateway.post(chat({ messages: [{ role: 'user', content }] }))
      await response.text()
    }
  }
  await ask(0, 400)
  const before = heldMemory()
  await ask(400, 400)
  // Four hundred prompts of 40 KB would be 16 MB.
  expect(heldMemory() - before).toBeLessThan(8_000_000)
})

test('an upstream that closes before its body was read is an error in our shape', async () => {
  await using upstream = await startUpstream(({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    response.destroy()
  })
  await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config })
  const response = await gateway.post(chat({ stream: true }))
  expect(response.status).toBe(502)
  expect(await response.json()).toMatchObject({ error: { code: 'upstream_cut' } })
})

test('calls that fail leave nothing behind in what is counted as running', async () => {
  const ways = [
    ({ response }: Parameters<typeof goodAnswer>[0]) => void response.destroy(),
    ({ response }: Parameters<typeof goodAnswer>[0]) => void response.writeHead(500).end('{}'),
    goodAnswer,
  ]
  await using upstream = await startUpstream((call) => {
    const way = ways.shift() ?? goodAnswer
    ways.push(way)
    way(call)
  })
  const off = { routing: { retries: true, circuits: false } }
  await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config: off })
  const asked = Array.from({ length: 60 }, (_, n) => gateway.post(chat({ stream: n % 2 === 0 })))
  for (const response of await Promise.all(asked)) await response.text()
  await until('nothing runs', async () => (await running(gateway)) === 0)
})
