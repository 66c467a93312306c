// An upstream says that it is full, in one of many forms. The gateway asks again until the
// upstream serves or the call has waited long enough; then the client gets a 429.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { vllmRefusedError } from '#src/wire/index.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import { answerGood, askings, readAnswer, streamAskings } from '../support/openai-surfaces.ts'
import {
  answerWhole,
  beginStream,
  goodAnswer,
  type Script,
  startUpstream,
  type UpstreamCall,
} from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway } from '../support/test-gateway.ts'

const { body: busy } = JSON.parse(
  readFileSync(new URL('../golden/upstream/vllm-refusals.json', import.meta.url), 'utf8'),
).find(({ name }: { name: string }) => name === 'queue-full')

const inWorkersWords = JSON.stringify({ error: vllmRefusedError(503, busy) })

const forms: Record<string, Script> = {
  'a vLLM’s 503': (call) => answerWhole(call, busy, 503),
  'a worker’s words around it': (call) => answerWhole(call, inWorkersWords, 500),
  'a worker’s words around it in a 200': (call) => answerWhole(call, inWorkersWords),
  'a worker’s words around it as the first event': (call) => {
    beginStream(call)
    call.response.end(`data: ${inWorkersWords}\n\ndata: [DONE]\n\n`)
  },
  'a 429 without a word': ({ response }) => void response.writeHead(429).end(),
  'no workers available': (call) => answerWhole(call, '{"error":"no workers available"}', 400),
  'a worker that was waited for': (call) =>
    answerWhole(call, '{"error":"timed out waiting for worker"}', 400),
}

const streamedChat = streamAskings.slice(0, 1)
const [plainForm, otherForm] = Object.keys(forms)

/** The plain form on every surface, the others on one. */
const waits = Object.entries(forms).flatMap(([form, full]) =>
  (form === plainForm ? askings : streamedChat).map((asking) => ({ form, full, asking })),
)
const refusals = waits.filter(({ form }) => form === plainForm || form === otherForm)

/** Does one thing so many times, then the other. */
function first(count: number, one: Script, then: Script): Script {
  let calls = 0
  return (call) => {
    calls += 1
    if (calls <= count) one(call)
    else then(call)
  }
}

const config = { routing: { busyPauseMs: 20 } }

describe.each(kinds)('in front of %s', (kind) => {
  test.each(waits)(
    '$asking.name: an upstream that is full three times, by $form, then serves',
    async ({ asking, full }) => {
      await using upstream = await startUpstream(first(3, full, answerGood))
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config })
      const response = await gateway.post(asking.body(), {}, asking.path)
      expect(response.status).toBe(200)
      expect(readAnswer(asking, await response.text())).toMatchObject({
        text: 'Hello there',
        isComplete: true,
      })
      expect(upstream.calls).toHaveLength(4)
      const [row] = callRows(gateway.ledgerPath)
      expect(row).toMatchObject({ outcome: 'ok', attempts: 4, error_code: null })
      // The pauses of 20, 40 and 80 ms, less what passes until the call stands in line again.
      expect(row?.queue_ms).toBeGreaterThanOrEqual(100)
      await gateway.gateway.close()
      expect(attemptRows(gateway.ledgerPath).map(({ result, fault }) => [result, fault])).toEqual([
        ['faulted', 'overloaded'],
        ['faulted', 'overloaded'],
        ['faulted', 'overloaded'],
        ['answered', null],
      ])
    },
  )

  test.each(refusals)(
    '$asking.name: an upstream that is full until the deadline, by $form, is a 429',
    async ({ asking, full }) => {
      await using upstream = await startUpstream(full)
      // Asked again after 50, 150 and 350 ms: the deadline passes far from each of them.
      const config = { routing: { busyPauseMs: 50 } }
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config })
      const headers = { 'x-podgate-deadline-ms': '550' }
      const response = await gateway.post(asking.body(), { headers }, asking.path)
      expect(response.status).toBe(429)
      expect(response.headers.get('retry-after')).toBe('1')
      expect(response.headers.get('x-should-retry')).toBeNull()
      expect(await response.json()).toEqual({
        error: {
          message: 'The model is at capacity. Please try again shortly.',
          type: 'overloaded',
          param: null,
          code: 'capacity',
        },
      })
      const [row] = callRows(gateway.ledgerPath)
      expect(row).toMatchObject({ outcome: 'failed', status: 429, error_code: 'capacity' })
      // The deadline may cut a try short before the upstream has seen it.
      expect(Number(row?.attempts) - upstream.calls.length).toBeOneOf([0, 1])
      expect(row?.attempts).toBeGreaterThan(1)
      expect(row?.completion_tokens).toBe(0)
    },
  )

  test('an upstream that stays full is a 429 once the call has waited long enough', async () => {
    await using upstream = await startUpstream((call) => answerWhole(call, busy, 503))
    const config = { routing: { busyPauseMs: 20, fullWaitMs: 200 } }
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1, config })
    // Also those that only ever stood behind another.
    const calls = await Promise.all(Array.from({ length: 4 }, () => gateway.post(chat())))
    for (const response of calls) {
      expect(response.status).toBe(429)
      expect(await response.json()).toMatchObject({ error: { type: 'overloaded' } })
    }
    for (const row of callRows(gateway.ledgerPath)) {
      expect(row).toMatchObject({ outcome: 'failed', error_code: 'capacity' })
      expect(row.duration_ms).toBeGreaterThanOrEqual(199)
      expect(row.duration_ms).toBeLessThan(2_000)
    }
  })

  test('a client that will not wait hears at once that the upstream is full', async () => {
    await using upstream = await startUpstream((call) => answerWhole(call, busy, 503))
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
    const response = await gateway.post(chat(), { headers: { 'x-podgate-wait': 'never' } })
    expect(response.status).toBe(429)
    expect(upstream.calls).toHaveLength(1)
  })

  test.each(['no workers available', 'a worker that was waited for'])(
    '%s is a cold start: it is waited for longer than a full upstream',
    async (form) => {
      await using upstream = await startUpstream(first(3, forms[form] ?? goodAnswer, goodAnswer))
      const config = { routing: { busyPauseMs: 50, fullWaitMs: 20 } }
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config })
      expect((await gateway.post(chat())).status).toBe(200)
      expect(upstream.calls).toHaveLength(4)
    },
  )

  test('a time that is longer than a call waits is passed on at once', async () => {
    await using upstream = await startUpstream(
      ({ response }) => void response.writeHead(429, { 'retry-after': '45' }).end(),
    )
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
    const response = await gateway.post(chat())
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('45')
    const row = callRows(gateway.ledgerPath)[0]
    expect(row?.duration_ms).toBeLessThan(2_000)
  })

  test('many callers of a full upstream do not hammer it', async () => {
    await using upstream = await startUpstream((call) => answerWhole(call, busy, 503))
    const slots = 5
    const busyPauseMs = 1_000
    await using gateway = await startTestGateway({
      baseUrl: upstream.url,
      kind,
      slots,
      config: { routing: { busyPauseMs } },
    })
    const headers = { 'x-podgate-deadline-ms': '2500' }
    const calls = Array.from({ length: 20 }, () => gateway.post(chat(), { headers }))
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([429]))
    // At once and after a second, and before the next two are over the calls are: each time as many
    // as there are places, and those who were let in before the first of them came back. The
    // deadline is far from the tries: a try that it finds on its way is a timeout.
    expect(upstream.calls.length).toBeLessThanOrEqual(4 * slots)
  })

  test('the time that an upstream asks for is kept', async () => {
    const at: number[] = []
    const asks = ({ response }: UpstreamCall) =>
      void response.writeHead(429, { 'retry-after': '1' }).end()
    const script = first(1, asks, goodAnswer)
    await using upstream = await startUpstream((call) => {
      at.push(performance.now())
      script(call)
    })
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config })
    const response = await gateway.post(chat())
    expect(response.status).toBe(200)
    const [one = 0, two = 0] = at
    expect(two - one).toBeGreaterThanOrEqual(990)
    expect(callRows(gateway.ledgerPath)).toMatchObject([{ outcome: 'ok', attempts: 2 }])
  })

  test('a full upstream that tells its time is why, and when to come again', async () => {
    await using upstream = await startUpstream(
      ({ response }) => void response.writeHead(429, { 'retry-after': '30' }).end(),
    )
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config })
    const response = await gateway.post(chat(), { headers: { 'x-podgate-deadline-ms': '100' } })
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('30')
    expect(await response.json()).toMatchObject({ error: { code: 'capacity' } })
    expect(upstream.calls).toHaveLength(1)
  })

  test.each(streamAskings)(
    '$name: a full upstream after the first token ends the stream, and is not asked again',
    async (asking) => {
      await using upstream = await startUpstream((call) => {
        beginStream(call)
        call.response.end(`${asking.words.chunk('Hello')}data: ${inWorkersWords}\n\n`)
      })
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config })
      const text = await (await gateway.post(asking.body(), {}, asking.path)).text()
      expect(readAnswer(asking, text)).toMatchObject({
        text: 'Hello',
        isComplete: false,
        errors: [{ error: { code: 'capacity' } }],
      })
      expect(text).not.toContain('[DONE]')
      expect(upstream.calls).toHaveLength(1)
    },
  )
})
