// One of a model's two deployments is dead, in each of the ways in which servers are: clients hardly
// notice, and it is left alone but for one call at a time that tries whether it is well again.
import { describe, expect, test } from 'vitest'
import { fasterClock } from '../support/faster-clock.ts'
import { attemptRows } from '../support/ledger-rows.ts'
import { goodAnswer, type Script, startUpstream } from '../support/scripted-upstream.ts'
import { chat, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

interface Death {
  dies: Script | null
  why: string
  firstByteMs?: number
}

const deaths: Record<string, Death> = {
  'refuses connections': { dies: null, why: 'unreachable' },
  'hangs, with a deadline of its own for the first byte': {
    dies: () => {},
    why: 'deadline',
    firstByteMs: 300,
  },
  'answers 500': {
    dies: ({ response }) => {
      response.writeHead(500, { 'content-type': 'application/json' })
      response.end('{"error":{"message":"boom","type":"InternalServerError","code":500}}')
    },
    why: 'fault',
  },
  'breaks off before its first event': {
    dies: ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      response.destroy()
    },
    why: 'fault',
  },
  'answers 401': {
    dies: ({ response }) => {
      response.writeHead(401, { 'content-type': 'application/json' })
      response.end('{"error":{"message":"no","type":"invalid_request_error","code":401}}')
    },
    why: 'fault',
  },
}

function modelOf(urls: readonly string[], { firstByteMs }: Death) {
  return {
    id: 'test-model',
    surfaces: ['openai-chat'],
    contextTokens: 4096,
    prices: { prompt: 2, completion: 6 },
    deployments: urls.map((baseUrl, at) => ({
      id: ['dies', 'lives'][at],
      kind: 'openai-compatible',
      servedName: 'served/model',
      slots: 64,
      ...(at === 0 && firstByteMs !== undefined ? { firstByteMs } : {}),
      options: { baseUrl },
    })),
  }
}

/** Callers, each of whom asks so often, one call after the other. */
async function askMuch(gateway: TestGateway, callers: number, times: number): Promise<number[]> {
  const statuses: number[] = []
  const caller = async (at: number) => {
    for (let time = 0; time < times; time += 1) {
      const response = await gateway.post(chat({ stream: at % 2 === 0 }))
      const text = await response.text()
      expect(text.match(/"error":/g)?.length ?? 0).toBeLessThanOrEqual(1)
      statuses.push(text.includes('"error":') ? 599 : response.status)
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, at) => caller(at)))
  return statuses
}

describe.each(Object.entries(deaths))('a deployment that %s', (_how, death) => {
  const { dies, why } = death
  test('is passed by, tells why on each attempt, and is tried by one call at a time', async () => {
    let isDead = false
    let asked = 0
    const first = await startUpstream((call) => {
      if (!isDead) return goodAnswer(call)
      asked += 1
      dies?.(call)
    })
    await using _first = first
    await using second = await startUpstream(goodAnswer)
    const models = [modelOf([first.url, second.url], death)]
    const config = { routing: { retries: true, circuits: true } }
    await using gateway = await startTestGateway({ baseUrl: first.url, models, config })
    expect(await askMuch(gateway, 1, 4)).toEqual([200, 200, 200, 200])
    isDead = true
    if (dies === null) await first[Symbol.asyncDispose]()
    await askMuch(gateway, 20, 2)
    await gateway.logged({ event: 'circuit', deployment: 'dies', circuit: 'open' })
    const statuses = await askMuch(gateway, 20, 20)
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(396)
    // What was on its way when the circuit opened, each tried twice at most.
    expect(asked).toBeLessThanOrEqual(2 * 20)
    await gateway.gateway.close()
    const attempts = attemptRows(gateway.ledgerPath)
    const reasons = new Set(
      attempts.filter(({ deployment }) => deployment === 'lives').map((row) => row.why),
    )
    expect([...reasons].toSorted()).toEqual(['circuit', why])
  })
})

test('once its circuit is open, each probe is one call', async () => {
  let asked = 0
  await using first = await startUpstream((call) => {
    asked += 1
    deaths['answers 500']?.dies?.(call)
  })
  await using second = await startUpstream(goodAnswer)
  const models = [modelOf([first.url, second.url], { dies: null, why: 'fault' })]
  const config = { routing: { retries: true, circuits: true } }
  // Probes after 5, 10 and 20 s more, in little more than a second of ours.
  const given = { baseUrl: first.url, models, config, clock: fasterClock(30) }
  await using gateway = await startTestGateway(given)
  await askMuch(gateway, 20, 1)
  const changes = () => gateway.logLines().filter(({ event }) => event === 'circuit')
  const states = () => changes().map(({ circuit }) => circuit)
  expect(states()[0]).toBe('open')
  const askedBefore = asked
  // Each probe fails, and the circuit is open again.
  const probes = () => states().filter((state) => state === 'open').length - 1
  while (probes() < 3) expect(new Set(await askMuch(gateway, 20, 1))).toEqual(new Set([200]))
  await gateway.gateway.close()
  expect(asked - askedBefore).toBe(probes())
})
