// An upstream that dies in the middle of its answer: the client sees that it was cut, exactly once,
// and nothing is asked again once the client has seen a word.
import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  answerGood,
  askedOf,
  readAnswer,
  type StreamWords,
  streamAskings,
  wholeAskings,
} from '../support/openai-surfaces.ts'
import {
  beginStream,
  done,
  event,
  type Script,
  startUpstream,
  usageOf,
} from '../support/scripted-upstream.ts'
import { kinds, startTestGateway } from '../support/test-gateway.ts'

// Word for word what a vLLM says whose engine was killed.
const lastWords =
  'data: {"error": {"message": "EngineCore encountered an issue. See stack trace (above) for the root cause.", "type": "InternalServerError", "param": null, "code": 500}}\n\n'

type Says = (words: StreamWords) => string

/** Says this after the first token, then lets go in one way or the other. */
function dies(says: Says, how: 'ends' | 'cuts'): Script {
  return (call) => {
    const { words } = askedOf(call)
    if (words === null) throw new Error('only a stream has a middle')
    beginStream(call)
    call.response.write(words.chunk('Hello', { usage: usageOf(11, 1) }))
    if (how === 'ends') call.response.end(says(words))
    else call.response.write(says(words), () => call.socket.destroy())
  }
}

const bad = 'upstream_bad_answer'
const cut = 'upstream_cut'

/* biome-ignore format: a table reads as a table */
const deaths: { name: string; says: Says; how: 'ends' | 'cuts'; code: string }[] = [
  { name: 'says an error and [DONE]', says: () => lastWords + done, how: 'ends', code: bad },
  { name: 'says an error and ends', says: () => lastWords, how: 'ends', code: bad },
  { name: 'says an error and is cut', says: () => lastWords, how: 'cuts', code: bad },
  { name: 'says an error and goes on', says: ({ chunk, last }) => lastWords + chunk('!') + last() + done, how: 'ends', code: bad },
  { name: 'says an error in vLLM’s older form', says: () => event({ object: 'error', message: 'x', code: 500 }) + done, how: 'ends', code: bad },
  { name: 'ends without a finish', says: () => '', how: 'ends', code: cut },
  { name: 'says [DONE] without a finish', says: () => done, how: 'ends', code: cut },
  { name: 'is cut', says: () => '', how: 'cuts', code: cut },
  { name: 'is cut within an event', says: ({ last }) => last().slice(0, -1), how: 'cuts', code: cut },
  { name: 'gives up with a finish reason of its own', says: ({ last }) => last(0, 'abort') + done, how: 'ends', code: cut },
  { name: 'sends an event that is no JSON', says: () => `data: {"id":\n\n${done}`, how: 'ends', code: bad },
  { name: 'sends a web page', says: () => 'data: <html></html>\n\n', how: 'ends', code: bad },
]

describe.each(kinds)('in front of %s', (kind) => {
  describe.each(streamAskings)('$name', (asking) => {
    test.each(deaths)('an upstream that $name ends in one error event', async (death) => {
      const { says, how, code } = death
      await using upstream = await startUpstream(once(dies(says, how)))
      await using gateway = await startTestGateway({
        baseUrl: upstream.url,
        kind,
        slots: 1,
      })
      const client = gateway.open(asking.body(), {}, asking.path)
      expect(await client.ended).toBe('whole')
      const said = readAnswer(asking, client.text())
      expect(said).toMatchObject({ text: 'Hello', isComplete: false })
      expect(said.errors).toMatchObject([{ error: { type: 'upstream_error', code } }])
      const { events, isDone } = eventsOf(client.text())
      expect(isDone).toBe(false)
      expect(Object.keys(events.at(-1) ?? {})).toEqual(['error'])

      const next = await gateway.post(asking.body(), {}, asking.path)
      expect(readAnswer(asking, await next.text())).toMatchObject({ isComplete: true })
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
    ])('an upstream that %s is a 502 and never a stream', async (_name, text) => {
      await using upstream = await startUpstream((call) => {
        beginStream(call)
        call.response.end(text)
      })
      await using gateway = await startTestGateway({
        baseUrl: upstream.url,
        kind,
      })
      const response = await gateway.post(asking.body(), {}, asking.path)
      expect(response.status).toBe(502)
      expect(await response.json()).toMatchObject({ error: { type: 'upstream_error', code: bad } })
      expect(upstream.calls).toHaveLength(1)
    })

    test.each([
      ['forgets [DONE]', 'ends' as const],
      ['is cut before [DONE]', 'cuts' as const],
    ])(
      'an upstream that %s after every choice had finished gave a whole answer',
      async (_n, how) => {
        await using upstream = await startUpstream(dies(({ last }) => last(), how))
        await using gateway = await startTestGateway({
          baseUrl: upstream.url,
          kind,
        })
        const body = asking.body({ stream_options: { include_usage: true } })
        const response = await gateway.post(body, {}, asking.path)
        const text = await response.text()
        expect(readAnswer(asking, text)).toMatchObject({ text: 'Hello', isComplete: true })
        // The count that it forgot as well is the one that it kept so far.
        expect(eventsOf(text).events.at(-1)).toMatchObject({ choices: [], usage: usageOf(11, 1) })
        expect(callRows(gateway.ledgerPath)).toMatchObject([
          { outcome: 'ok', completion_tokens: 1 },
        ])
      },
    )

    test('an answer of two choices is complete when both have finished', async () => {
      await using upstream = await startUpstream(dies(({ last }) => last(0), 'ends'))
      await using gateway = await startTestGateway({
        baseUrl: upstream.url,
        kind,
      })
      const response = await gateway.post(asking.body({ n: 2 }), {}, asking.path)
      const said = readAnswer(asking, await response.text())
      expect(said).toMatchObject({ isComplete: false, errors: [{ error: { code: cut } }] })
    })
  })

  describe.each(wholeAskings)('$name', (asking) => {
    const answer = asking.surface.whole('Hello')
    const headers = { 'content-type': 'application/json' }
    const tooLong = { ...headers, 'content-length': Buffer.byteLength(answer) + 1 }
    const begins = answer.slice(0, -1)

    /* biome-ignore format: a table reads as a table */
    const breaks: [string, Script][] = [
      ['cut', ({ response, socket }) => { response.writeHead(200, tooLong).write(begins, () => socket.destroy()) }],
      ['cut without a length', ({ response, socket }) => { response.writeHead(200, headers).write(begins, () => socket.destroy()) }],
      ['whole but for its length', ({ response, socket }) => { response.writeHead(200, tooLong).write(answer, () => socket.destroy()) }],
      ['short', ({ response }) => void response.writeHead(200, headers).end(begins)],
      ['empty', ({ response }) => void response.writeHead(200, headers).end()],
    ]

    test.each(breaks)(
      'an answer that is %s is a 502, and not a word of it',
      async (_name, script) => {
        await using upstream = await startUpstream(once(script))
        await using gateway = await startTestGateway({
          baseUrl: upstream.url,
          kind,
          slots: 1,
        })
        const response = await gateway.post(asking.body(), {}, asking.path)
        expect(response.status).toBe(502)
        const error = { message: expect.not.stringContaining('Hello'), type: 'upstream_error' }
        expect(await response.json()).toMatchObject({ error })
        const next = await gateway.post(asking.body(), {}, asking.path)
        expect(readAnswer(asking, await next.text())).toMatchObject({ isComplete: true })
        expect(upstream.calls).toHaveLength(2)
        expect(callRows(gateway.ledgerPath)).toMatchObject([
          { outcome: 'failed', status: 502, charge_nano_usd: 0, attempts: 1 },
          { outcome: 'ok' },
        ])
      },
    )
  })
})

/** Misbehaves once; whoever comes next gets an answer, if there is a place. */
function once(script: Script): Script {
  let isFirst = true
  return (call) => {
    if (isFirst) script(call)
    else answerGood(call)
    isFirst = false
  }
}
