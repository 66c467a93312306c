// The simulator tells a webhook how its job ended, and tries again when it is refused. The webhook
// is a server on this machine; the simulator's clock is fake.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createFakeClock } from '../../support/fake-clock.ts'
import { chatInput, jobCalls } from '../support/jobs.ts'
import { runSimulator } from '../support/running.ts'

interface Received {
  headers: IncomingHttpHeaders
  body: { [name: string]: unknown }
  atMs: number
}

const clock = createFakeClock()
const simulator = runSimulator({ coldMs: 10 }, clock)
const { get, post, run } = jobCalls(simulator)
const short = chatInput('hi', { max_tokens: 1 })

let receiver: Server
let received: Received[]
let answers: number[]

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString())
      received.push({ headers: request.headers, body, atMs: clock.ticksMs() })
      response.writeHead(answers.shift() ?? 200).end()
      receiver.emit('received')
    })
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
})
afterAll(() => {
  receiver.closeAllConnections()
  receiver.close()
})
beforeEach(() => {
  received = []
  answers = []
})

const url = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/done`

/** Moves the clock and waits for the attempts at the webhook that then come. */
async function attempts(count: number, ms = 0): Promise<void> {
  await clock.advance(ms)
  while (received.length < count) await once(receiver, 'received')
}

/** Lets time pass, little by little, until so many attempts have come. */
async function untilTold(count: number): Promise<void> {
  while (received.length < count) {
    // A whole call's time for the simulator to read the answer to its last attempt.
    await simulator.state()
    await clock.advance(100)
  }
}

/** Lets time pass in which no attempt should come, and whole calls for one that does to arrive. */
async function quiet(ms: number): Promise<void> {
  for (const step of [0, ms, 0, 0]) {
    await simulator.state()
    await clock.advance(step)
  }
}

test('a webhook is told of the end of its job, with the input', async () => {
  const id = await run(short, { webhook: url() })
  await attempts(1, 60_000)
  const { headers, body } = received[0] ?? { headers: {}, body: {} }
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'Go-http-client/2.0',
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
  })
  expect(body).toEqual({ ...(await get(`status/${id}`)).body, input: short, webhook: url() })
  expect(body).toMatchObject({ id, status: 'COMPLETED', output: [{ object: 'chat.completion' }] })
})

test('a refused webhook is tried again twice, 5 and 15 seconds after the first time', async () => {
  answers = [500, 404, 503, 500]
  const id = await run(short, { webhook: url() })
  await attempts(1, 1000)
  await untilTold(3)
  const [first = { atMs: 0 }, ...more] = received
  const after = more.map(({ atMs }) => atMs - first.atMs)
  expect(after[0]).toBeGreaterThanOrEqual(5000)
  expect(after[1]).toBeGreaterThanOrEqual(15_000)
  await quiet(3_600_000)
  expect(received).toHaveLength(3)
  expect((await get(`status/${id}`)).status).toBe(404)
})

test('a webhook is told of a failed and of a cancelled job, too', async () => {
  await run({ text: 'unknown' }, { webhook: url() })
  await attempts(1, 1000)
  const id = await run(chatInput('[[sim:stall-after=0]]', { stream: true }), { webhook: url() })
  await post(`cancel/${id}`)
  await attempts(2)
  expect(received.map(({ body }) => body.status)).toEqual(['FAILED', 'CANCELLED'])
})

test('a fault makes attempts fail that were taken', async () => {
  await run(chatInput('[[sim:webhook-fails=1]] hi', { max_tokens: 1 }), { webhook: url() })
  await attempts(1, 1000)
  await untilTold(2)
  await quiet(60_000)
  expect(received).toHaveLength(2)
})

test.each(['ftp://example.com/x', 'nowhere', 7])('%s is no webhook', async (webhook) => {
  expect((await post('run', { input: short, webhook })).status).toBe(400)
})
