import { describe, expect, test } from 'vitest'
import { contentOf, eventsOf } from '../support/client-call.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  beginStream,
  chunk,
  done,
  event,
  goodAnswer,
  lastChunk,
  type Script,
  startUpstream,
  usageOf,
} from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway } from '../support/test-gateway.ts'

// Word for word what a vLLM says whose engine was killed.
const lastWords =
  'data: {"error": {"message": "EngineCore encountered an issue. See stack trace (above) for the root cause.", "type": "InternalServerError", "param": null, "code": 500}}\n\n'
const hello = chunk('Hello', { usage: usageOf(11, 1) })

/** Says this after the first token, then lets go in one way or the other. */
function dies(words: string, how: 'ends' | 'cuts'): Script {
  return (call) => {
    beginStream(call)
    call.response.write(hello)
    if (how === 'ends') call.response.end(words)
    else call.response.write(words, () => call.socket.destroy())
  }
}

const bad = 'upstream_bad_answer'
const cut = 'upstream_cut'

/* biome-ignore format: a table reads as a table */
const deaths = [
  { name: 'says an error and [DONE]', script: dies(lastWords + done, 'ends'), code: bad },
  { name: 'says an error and ends', script: dies(lastWords, 'ends'), code: bad },
  { name: 'says an error and is cut', script: dies(lastWords, 'cuts'), code: bad },
  { name: 'says an error and goes on', script: dies(lastWords + chunk('!') + lastChunk() + done, 'ends'), code: bad },
  { name: 'says an error in vLLM’s older form', script: dies(event({ object: 'error', message: 'x', code: 500 }) + done, 'ends'), code: bad },
  { name: 'ends without a finish', script: dies('', 'ends'), code: cut },
  { name: 'says [DONE] without a finish', script: dies(done, 'ends'), code: cut },
  { name: 'is cut', script: dies('', 'cuts'), code: cut },
  { name: 'is cut within an event', script: dies(lastChunk().slice(0, -1), 'cuts'), code: cut },
  { name: 'gives up with a finish reason of its own', script: dies(lastChunk(0, 'abort') + done, 'ends'), code: cut },
  { name: 'sends an event that is no JSON', script: dies(`data: {"id":\n\n${done}`, 'ends'), code: bad },
  { name: 'sends a web page', script: dies('data: <html></html>\n\n', 'ends'), code: bad },
]

describe.each(kinds)('in front of %s', (kind) => {
  test.each(deaths)('an upstream that $name ends in one error event', async ({ script, code }) => {
    let isFirst = true
    await using upstream = await startUpstream((call) => {
      if (isFirst) script(call)
      else goodAnswer(call)
      isFirst = false
    })
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: 1 })
    const client = gateway.open(chat({ stream: true }))
    expect(await client.ended).toBe('whole')
    const { events, isDone } = eventsOf(client.text())
    expect(isDone).toBe(false)
    expect(contentOf(client.text())).toBe('Hello')
    expect(events.filter((one) => 'error' in one)).toHaveLength(1)
    const last = events.at(-1)
    expect(last).toMatchObject({ error: { type: 'upstream_error', code } })
    expect(Object.keys(last ?? {})).toEqual(['error'])

    const next = await gateway.post(chat({ stream: true }))
    expect(await next.text()).toContain('data: [DONE]')
    expect(upstream.calls).toHaveLength(2)
    expect(callRows(gateway.ledgerPath)).toMatchObject([
      { outcome: 'failed', error_code: code, status: 200, completion_tokens: 1, attempts: 1 },
      { outcome: 'ok' },
    ])
    await gateway.gateway.close()
    const waste = attemptRows(gateway.ledgerPath).map(({ waste_reason }) => waste_reason)
    expect(waste[0]).not.toBeNull()
    expect(waste[1]).toBeNull()
  })

  test.each([
    ['dies before its first event', lastWords + done],
    ['says only [DONE]', done],
    ['says nothing', ''],
  ])('an upstream that %s is a 502 and never a stream', async (_name, words) => {
    await using upstream = await startUpstream((call) => {
      beginStream(call)
      call.response.end(words)
    })
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
    const response = await gateway.post(chat({ stream: true }))
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { type: 'upstream_error', code: bad } })
    expect(upstream.calls).toHaveLength(1)
  })

  test.each([
    ['forgets [DONE]', 'ends' as const],
    ['is cut before [DONE]', 'cuts' as const],
  ])('an upstream that %s after every choice had finished gave a whole answer', async (_n, how) => {
    await using upstream = await startUpstream(dies(lastChunk(), how))
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
    const response = await gateway.post(chat({ stream: true }))
    const { events, isDone } = eventsOf(await response.text())
    expect(isDone).toBe(true)
    expect(events.filter((one) => 'error' in one)).toEqual([])
    expect(callRows(gateway.ledgerPath)).toMatchObject([{ outcome: 'ok', completion_tokens: 1 }])
  })

  test('an answer of two choices is complete when both have finished', async () => {
    await using upstream = await startUpstream(dies(lastChunk(0), 'ends'))
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
    const response = await gateway.post(chat({ stream: true, n: 2 }))
    const { events, isDone } = eventsOf(await response.text())
    expect(isDone).toBe(false)
    expect(events.at(-1)).toMatchObject({ error: { code: cut } })
  })

  test.each([
    ['cut', 'cut', 502],
    ['short', 'short', 502],
  ])('a whole answer that is %s is a 502', async (_name, how, status) => {
    await using upstream = await startUpstream(({ response, socket }) => {
      const headers = { 'content-type': 'application/json', 'content-length': 1000 }
      if (how === 'cut') response.writeHead(200, headers).write('{', () => socket.destroy())
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[')
    })
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
    const response = await gateway.post(chat())
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { type: 'upstream_error' } })
    expect(upstream.calls).toHaveLength(1)
  })
})
