// A client that leaves stops the work within a second, whenever and however it leaves.
import { describe, expect, test } from 'vitest'
import type { ClientCall, Leaving } from '../support/client-call.ts'
import { flood } from '../support/flood.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  type Asking,
  answerGood,
  askedOf,
  askings,
  readAnswer,
  streamAskings,
} from '../support/openai-surfaces.ts'
import {
  beginStream,
  type ScriptedUpstream,
  startUpstream,
  type UpstreamCall,
  usageOf,
} from '../support/scripted-upstream.ts'
import { kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

const boundMs = 1_000

interface Scene {
  gateway: TestGateway
  upstream: ScriptedUpstream
}

interface Moment {
  moment: string
  /** Silence before a comment; one that is never reached where it is not said. */
  keepAliveMs?: number
  /** Brings the call, with the client's part in it, to the moment at which its client leaves. */
  reach(call: UpstreamCall, client: ClientCall): Promise<void>
  delivered: { prompt: number; completion: number; source: string }
  status: number
}

const nothing = { prompt: 0, completion: 0, source: 'counted' }

const streamMoments: Moment[] = [
  {
    moment: 'before the upstream answers',
    delivered: nothing,
    status: 499,
    async reach() {},
  },
  {
    moment: 'before the first event, after the upstream’s headers and our heartbeat',
    keepAliveMs: 20,
    delivered: nothing,
    status: 200,
    async reach(call, client) {
      beginStream(call)
      call.response.flushHeaders()
      await client.seen(': podgate waiting')
    },
  },
  {
    moment: 'mid-stream',
    delivered: { prompt: 11, completion: 2, source: 'running' },
    status: 200,
    async reach(call, client) {
      const { words } = askedOf(call)
      beginStream(call)
      call.response.write(words?.chunk('Hello', { usage: usageOf(11, 1) }))
      call.response.write(words?.chunk(' there', { usage: usageOf(11, 2) }))
      await client.seen(' there')
    },
  },
]

const wholeMoments: Moment[] = [
  {
    moment: 'waiting for it',
    delivered: nothing,
    status: 499,
    async reach() {},
  },
  {
    moment: 'in the middle of the upstream’s answer',
    delivered: nothing,
    status: 499,
    async reach({ response }) {
      response.writeHead(200, { 'content-type': 'application/json' })
      await new Promise((resolve) => response.write('{"id":"an-answer-1",', resolve))
    },
  },
]

const leavings = askings.flatMap((asking) =>
  (asking.stream ? streamMoments : wholeMoments).map((moment) => ({ ...moment, asking })),
)

const ways: Leaving[] = ['close', 'reset', 'half-close']

describe.each(kinds)('in front of %s', (kind) => {
  describe.each(leavings)('a client of $asking.name that leaves $moment', (leaving) => {
    const { asking, delivered } = leaving

    test.each(ways)('(%s) stops the work and is written down', async (how) => {
      await using upstream = await startUpstream()
      const config = { relay: { keepAliveMs: leaving.keepAliveMs ?? 60_000 } }
      const at = { baseUrl: upstream.url, kind, slots: 1, config }
      await using gateway = await startTestGateway(at)
      const client = gateway.open(asking.body(), {}, asking.path)
      const call = await upstream.nextCall()
      await leaving.reach(call, client)
      const leftAtMs = performance.now()
      client.leave(how)
      await call.closed
      expect(performance.now() - leftAtMs).toBeLessThan(boundMs)
      await gateway.logged({ event: 'call', outcome: 'client_gone' })

      await expectPlaceIsFree({ gateway, upstream }, asking)
      const [left, ...others] = callRows(gateway.ledgerPath)
      const { prompt, completion, source } = delivered
      expect(left).toMatchObject({
        surface: asking.surface.name,
        outcome: 'client_gone',
        error_code: 'client_gone',
        status: leaving.status,
        stream: Number(asking.stream),
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

  describe.each(streamAskings)('a client of $name that leaves while back-pressured', (asking) => {
    test.each(ways)('(%s) stops the work', async (how) => {
      await using upstream = await startUpstream()
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1 })
      // As many as come: what is beyond a call's bound is not believed.
      const body = { ...asking.body(), max_tokens: 4000 }
      const client = gateway.open(body, { reads: false }, asking.path)
      const call = await upstream.nextCall()
      beginStream(call)
      const sent = await flood(call)
      const leftAtMs = performance.now()
      client.leave(how)
      await call.closed
      expect(performance.now() - leftAtMs).toBeLessThan(boundMs)
      await gateway.logged({ event: 'call', outcome: 'client_gone' })

      await expectPlaceIsFree({ gateway, upstream }, asking)
      const [left] = callRows(gateway.ledgerPath)
      expect(left).toMatchObject({ outcome: 'client_gone', usage_source: 'running' })
      expect(left?.completion_tokens).toBeGreaterThan(0)
      // What waited in our hands or the upstream's was not delivered.
      expect(left?.completion_tokens).toBeLessThan(sent)
      await gateway.gateway.close()
      expect(attemptRows(gateway.ledgerPath)[0]).toMatchObject({ result: 'abandoned' })
    })
  })

  describe.each(askings)('a client of $name that leaves while queued', (asking) => {
    test.each(ways)('(%s) never reaches the upstream', async (how) => {
      await using upstream = await startUpstream()
      const config = { relay: { keepAliveMs: 20 } }
      const at = { baseUrl: upstream.url, kind, slots: 1, config }
      await using gateway = await startTestGateway(at)
      const first = gateway.open(asking.body(), {}, asking.path)
      const running = await upstream.nextCall()
      const queued = gateway.open(asking.body(), {}, asking.path)
      if (asking.stream) await queued.seen(': podgate queued')
      await until('it is queued', async () => (await queueDepth(gateway)) === 1)
      const leftAtMs = performance.now()
      queued.leave(how)
      const line = await gateway.logged({ event: 'call', outcome: 'client_gone' })
      expect(performance.now() - leftAtMs).toBeLessThan(boundMs)
      expect(await queueDepth(gateway)).toBe(0)

      answerGood(running)
      expect(await first.ended).toBe('whole')
      await expectPlaceIsFree({ gateway, upstream }, asking)
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
    })
  })
})

async function queueDepth(gateway: TestGateway): Promise<number> {
  const [, depth] = /^podgate_queue_depth\{.*\} (\d+)$/m.exec(await gateway.metrics()) ?? []
  return Number(depth)
}

/** With one place, this can only answer when the place of the one who left is free again. */
async function expectPlaceIsFree({ gateway, upstream }: Scene, asking: Asking): Promise<void> {
  const next = gateway.open(asking.body(), {}, asking.path)
  answerGood(await upstream.nextCall())
  expect(await next.ended).toBe('whole')
  expect(readAnswer(asking, next.text())).toMatchObject({ text: 'Hello there', isComplete: true })
}
