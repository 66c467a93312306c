// An attacker with an ordinary key hangs up on its calls, so that they cost nothing and hold places:
// what a key may do at once bounds what it can take from others that way, too.
import { describe, expect, test } from 'vitest'
import { attemptRows } from '../support/ledger-rows.ts'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import {
  adminKey,
  chat,
  kinds,
  startTestGateway,
  type TestGateway,
  testKey,
} from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

const otherKey = 'another-key-0123456789abcdef'
const asOther = { headers: { authorization: `Bearer ${otherKey}` } }

async function jsonAt(gateway: TestGateway, path: string, key: string) {
  return (await gateway.get(path, key)).json() as Promise<Record<string, Record<string, unknown>>>
}

/** Places that are taken at the one deployment, by all keys together. */
async function placesTaken(gateway: TestGateway): Promise<number> {
  const { gates } = await jsonAt(gateway, '/resilience/stats', adminKey)
  const [gate] = gates as unknown as { running: number }[]
  return gate?.running ?? 0
}

async function runningOf(gateway: TestGateway, key: string): Promise<unknown> {
  return (await jsonAt(gateway, '/v1/key', key)).limits?.running
}

interface Given {
  orphanHoldMs?: number
  slots?: number
}

async function begin(kind: (typeof kinds)[number], given: Given = {}) {
  const { orphanHoldMs = 60_000, slots = 8 } = given
  const upstream = await startUpstream()
  const gateway = await startTestGateway({
    baseUrl: upstream.url,
    kind,
    slots,
    secrets: { API_KEYS: `${testKey},${otherKey}` },
    config: {
      limits: { concurrencyMax: 1, concurrencyWaitingMax: 100 },
      relay: { keepAliveMs: 20 },
      // Far longer than the test: the places stay held while it looks.
      upstreams: { orphanHoldMs },
    },
  })
  // A first answer makes a deployment warm that scales to zero: it then has all of its places.
  const warm = gateway.post(chat())
  goodAnswer(await upstream.nextCall())
  await (await warm).text()
  return {
    upstream,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe.each(kinds)('a key with one place that drops its calls at %s', (kind) => {
  test('never takes a second place of the deployment, and others are served meanwhile', async () => {
    await using scene = await begin(kind)
    const { upstream, gateway } = scene
    const dropped = gateway.open(chat({ stream: true }))
    const first = await upstream.nextCall()
    dropped.leave('close')
    await first.closed
    for (let n = 0; n < 7; n += 1) {
      const next = gateway.open(chat({ stream: true }))
      // Behind the work that goes on, or, where its end is proven, at once.
      if (kind === 'runpod') await next.seen(': podgate queued')
      else await upstream.nextCall()
      expect(await placesTaken(gateway)).toBeLessThanOrEqual(1)
      next.leave('close')
      await gateway.logged({ event: 'call', outcome: 'client_gone' })
    }
    const others = gateway.post(chat(), asOther)
    goodAnswer(await upstream.nextCall())
    expect((await others).status).toBe(200)
  })
})

/** Who is served, in order, when a first call of `testKey` ended in this way while the others wait. */
async function served(kind: (typeof kinds)[number], endFirst: 'answered' | 'dropped') {
  await using scene = await begin(kind, { orphanHoldMs: 100, slots: 1 })
  const { upstream, gateway } = scene
  const open = (seed: number, asker = {}) => gateway.open(chat({ stream: true, seed }), asker)
  const first = open(1)
  const call = await upstream.nextCall()
  const waiting = []
  for (const [seed, asker] of [
    [2, {}],
    [3, asOther],
    [4, {}],
  ] as const) {
    const next = open(seed, asker)
    await next.seen(': podgate queued')
    waiting.push(next)
  }
  if (endFirst === 'answered') goodAnswer(call)
  else first.leave('close')
  const seeds: unknown[] = []
  for (const _ of waiting) {
    const next = await upstream.nextCall()
    seeds.push(JSON.parse(next.body).seed)
    expect(await placesTaken(gateway)).toBe(1)
    goodAnswer(next)
  }
  for (const one of waiting) expect(await one.ended).toBe('whole')
  return seeds
}

test.each(kinds)('others at %s are served in the order as if it were honest', async (kind) => {
  expect(await served(kind, 'dropped')).toEqual(await served(kind, 'answered'))
})

test('an edge’s page that turns a call away holds no place beside that of its next try', async () => {
  await using scene = await begin('runpod')
  const { upstream, gateway } = scene
  const client = gateway.open(chat({ stream: true }))
  const { response } = await upstream.nextCall()
  const headers = { 'content-type': 'text/html' }
  response.writeHead(503, headers).end('{"error":{"code":503,"type":"Service Unavailable"}}')
  const again = await upstream.nextCall()
  expect(await placesTaken(gateway)).toBe(1)
  goodAnswer(again)
  expect(await client.ended).toBe('whole')
})

test('a place that is held is told as running, and given back with the work', async () => {
  await using scene = await begin('runpod', { orphanHoldMs: 250 })
  const { upstream, gateway } = scene
  const dropped = gateway.open(chat({ stream: true }))
  const call = await upstream.nextCall()
  dropped.leave('close')
  await call.closed
  const line = await gateway.logged({ event: 'call', outcome: 'client_gone' })
  expect(await runningOf(gateway, testKey)).toBe(1)
  const next = gateway.open(chat({ stream: true, seed: 7 }))
  const again = await upstream.nextCall()
  expect(JSON.parse(again.body)).toMatchObject({ seed: 7 })
  // The attempt's row is written when its place comes free, and only then the next call ran.
  await until('its attempt is written', () =>
    attemptRows(gateway.ledgerPath).some(({ request_id }) => request_id === line.request_id),
  )
  goodAnswer(again)
  expect(await next.ended).toBe('whole')
  await until('nothing runs', async () => (await runningOf(gateway, testKey)) === 0)
})

test('seconds that were taken for nothing are told to the key that wasted them', async () => {
  await using scene = await begin('runpod', { orphanHoldMs: 150 })
  const { upstream, gateway } = scene
  const dropped = gateway.open(chat({ stream: true }))
  const call = await upstream.nextCall()
  dropped.leave('close')
  await call.closed
  await until('they are told', async () => {
    const { usage } = await jsonAt(gateway, '/v1/key', testKey)
    return Number(usage?.wasted_seconds) >= 0.15
  })
  const { usage } = await jsonAt(gateway, '/v1/key', otherKey)
  expect(usage).toMatchObject({ wasted_seconds: 0 })
})
