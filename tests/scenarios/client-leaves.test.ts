import { describe, expect, test } from 'vitest'
import type { ClientCall, Leaving } from '../support/client-call.ts'
import { flood } from '../support/flood.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  beginStream,
  chunk,
  goodAnswer,
  type ScriptedUpstream,
  startUpstream,
  type UpstreamCall,
  usageOf,
} from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const boundMs = 1_000

interface Scene {
  gateway: TestGateway
  upstream: ScriptedUpstream
}

interface Moment {
  name: string
  stream: boolean
  /** Silence before a comment; one that is never reached where it is not said. */
  keepAliveMs?: number
  /** Brings a call to the moment at which its client leaves. */
  reach(scene: Scene): Promise<{ client: ClientCall; call: UpstreamCall }>
  delivered: { prompt: number; completion: number; source: string }
  status: number
}

const nothing = { prompt: 0, completion: 0, source: 'counted' }

const moments: Moment[] = [
  {
    name: 'before the upstream answers',
    stream: true,
    delivered: nothing,
    status: 499,
    async reach({ gateway, upstream }) {
      const client = gateway.open(chat({ stream: true }))
      return { client, call: await upstream.nextCall() }
    },
  },
  {
    name: 'before the first event, after the upstream’s headers and our heartbeat',
    stream: true,
    keepAliveMs: 20,
    delivered: nothing,
    status: 200,
    async reach({ gateway, upstream }) {
      const client = gateway.open(chat({ stream: true }))
      const call = await upstream.nextCall()
      beginStream(call)
      call.response.flushHeaders()
      await client.seen(': podgate waiting')
      return { client, call }
    },
  },
  {
    name: 'mid-stream',
    stream: true,
    delivered: { prompt: 11, completion: 2, source: 'running' },
    status: 200,
    async reach({ gateway, upstream }) {
      const client = gateway.open(chat({ stream: true }))
      const call = await upstream.nextCall()
      beginStream(call)
      call.response.write(chunk('Hello', { usage: usageOf(11, 1) }))
      call.response.write(chunk(' there', { usage: usageOf(11, 2) }))
      await client.seen(' there')
      return { client, call }
    },
  },
  {
    name: 'waiting for a whole answer',
    stream: false,
    delivered: nothing,
    status: 499,
    async reach({ gateway, upstream }) {
      const client = gateway.open(chat())
      return { client, call: await upstream.nextCall() }
    },
  },
  {
    name: 'in the middle of the upstream’s whole answer',
    stream: false,
    delivered: nothing,
    status: 499,
    async reach({ gateway, upstream }) {
      const client = gateway.open(chat())
      const call = await upstream.nextCall()
      call.response.writeHead(200, { 'content-type': 'application/json' })
      await new Promise((resolve) => call.response.write('{"id":"chatcmpl-1",', resolve))
      return { client, call }
    },
  },
]

const ways: Leaving[] = ['close', 'reset', 'half-close']

describe.each(kinds)('in front of %s', (kind) => {
  describe.each(moments)('a client that leaves $name', (moment) => {
    test.each(ways)('(%s) stops the work and is written down', async (how) => {
      await using upstream = await startUpstream()
      const config = { relay: { keepAliveMs: moment.keepAliveMs ?? 60_000 } }
      const at = { baseUrl: upstream.url, kind, slots: 1, config }
      await using gateway = await startTestGateway(at)
      const { client, call } = await moment.reach({ gateway, upstream })
      const leftAtMs = performance.now()
      client.leave(how)
      await call.closed
      expect(performance.now() - leftAtMs).toBeLessThan(boundMs)
      await gateway.logged({ event: 'call', outcome: 'client_gone' })

      await expectPlaceIsFree({ gateway, upstream })
      const [left, ...others] = callRows(gateway.ledgerPath)
      const { prompt, completion, source } = moment.delivered
      expect(left).toMatchObject({
        outcome: 'client_gone',
        error_code: 'client_gone',
        status: moment.status,
        stream: Number(moment.stream),
        prompt_tokens: prompt,
        completion_tokens: completion,
        usage_source: source,
        charge_nano_usd: prompt * 2000 + completion * 6000,
        attempts: 1,
        possible_orphan: Number(kind === 'runpod'),
      })
      expect(others.map(({ outcome }) => outcome)).toEqual(['ok'])
      await gateway.gateway.close()
      expect(attemptRows(gateway.ledgerPath)[0]).toMatchObject({
        request_id: left?.request_id,
        result: 'abandoned',
        fault: 'client_gone',
        ...(kind === 'runpod'
          ? { released: 'held', cancellation: 'hoped', waste_reason: 'orphan' }
          : { released: 'destroyed', cancellation: 'proven', waste_reason: 'client_gone' }),
      })
    })
  })

  test.each(ways)('a client that leaves while back-pressured (%s) stops the work', async (how) => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1 })
    const client = gateway.open(chat({ stream: true }), { reads: false })
    const call = await upstream.nextCall()
    beginStream(call)
    const sent = await flood(call)
    const leftAtMs = performance.now()
    client.leave(how)
    await call.closed
    expect(performance.now() - leftAtMs).toBeLessThan(boundMs)
    await gateway.logged({ event: 'call', outcome: 'client_gone' })

    await expectPlaceIsFree({ gateway, upstream })
    const [left] = callRows(gateway.ledgerPath)
    expect(left).toMatchObject({ outcome: 'client_gone', usage_source: 'running' })
    expect(left?.completion_tokens).toBeGreaterThan(0)
    // What waited in our hands or the upstream's was not delivered.
    expect(left?.completion_tokens).toBeLessThan(sent)
    await gateway.gateway.close()
    expect(attemptRows(gateway.ledgerPath)[0]).toMatchObject({ result: 'abandoned' })
  })

  test.each(ways)(
    'a client that leaves while queued (%s) never reaches the upstream',
    async (how) => {
      await using upstream = await startUpstream()
      const config = { relay: { keepAliveMs: 20 } }
      const at = { baseUrl: upstream.url, kind, slots: 1, config }
      await using gateway = await startTestGateway(at)
      const first = gateway.open(chat({ stream: true }))
      const running = await upstream.nextCall()
      const queued = gateway.open(chat({ stream: true }))
      await queued.seen(': podgate queued')
      expect(await gateway.metrics()).toMatch(/^podgate_queue_depth\{.*\} 1$/m)
      const leftAtMs = performance.now()
      queued.leave(how)
      const line = await gateway.logged({ event: 'call', outcome: 'client_gone' })
      expect(performance.now() - leftAtMs).toBeLessThan(boundMs)
      expect(await gateway.metrics()).toMatch(/^podgate_queue_depth\{.*\} 0$/m)

      goodAnswer(running)
      expect(await first.ended).toBe('whole')
      await expectPlaceIsFree({ gateway, upstream })
      expect(upstream.calls).toHaveLength(2)
      const rows = callRows(gateway.ledgerPath)
      expect(rows.find(({ request_id }) => request_id === line.request_id)).toMatchObject({
        outcome: 'client_gone',
        attempts: 0,
        deployment: null,
        charge_nano_usd: 0,
        possible_orphan: 0,
      })
      await gateway.gateway.close()
      expect(attemptRows(gateway.ledgerPath).map(({ result }) => result)).toEqual([
        'answered',
        'answered',
      ])
    },
  )
})

/** With one place, this can only answer when the place of the one who left is free again. */
async function expectPlaceIsFree({ gateway, upstream }: Scene): Promise<void> {
  const next = gateway.open(chat({ stream: true }))
  goodAnswer(await upstream.nextCall())
  expect(await next.ended).toBe('whole')
  expect(next.text()).toContain('data: [DONE]')
}
