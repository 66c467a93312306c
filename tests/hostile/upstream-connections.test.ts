// Servers that go, that never read, and that never end.

import { createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  chunk,
  done,
  lastChunk,
  usageChunk,
  usageOf,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway } from '../support/test-gateway.ts'
import {
  chunked,
  head,
  neverStops,
  openStream,
  startRawServer,
  stream,
  streamHead,
  whole,
} from './raw-server.ts'
import { type Behaviour, foreign, hostileRig } from './upstream-rig.ts'

const good = wholeAnswer('Hello')
const hello = chunk('Hello', { usage: usageOf(11, 1) })
const goodStream = hello + lastChunk() + usageChunk(11, 1) + done

const content = { content: 'Hello' }
const cut = { status: 502, code: 'upstream_cut' }
const tooLarge = { status: 502, code: 'upstream_too_large' }
const cutAfter = { after: 'Hello', code: 'upstream_cut' }
const tooLargeAfter = { after: 'Hello', code: 'upstream_too_large' }
const isWhole = true

/** Says this, and then goes in one of the ways there are. */
function goes(bytes: string | Buffer, how: 'FIN' | 'RST' | 'close'): Behaviour['says'] {
  return (socket) => {
    if (how === 'FIN') return void socket.end(bytes)
    const go = () => (how === 'RST' ? socket.resetAndDestroy() : socket.destroy())
    if (bytes.length === 0) return void go()
    // A reset may overtake what was said: it is sent when the other side had time to take it.
    socket.write(bytes, () => void turn().then(() => turn().then(go)))
  }
}

const jsonHead = head('200 OK', 'Content-Type: application/json', 'Transfer-Encoding: chunked')
const half = hello + lastChunk().slice(0, 40)

/* biome-ignore format: a table reads as a table */
const leaving: Record<string, Behaviour> = {
  'goes without a word':                  { ends: cut, says: goes('', 'close') },
  'says FIN and no word':                 { ends: cut, says: goes('', 'FIN') },
  'says RST and no word':                 { ends: cut, says: goes('', 'RST') },
  'goes within its status line':          { ends: cut, says: goes('HTTP/1.', 'FIN') },
  'goes within its headers':              { ends: cut, says: goes(`HTTP/1.1 200 OK\r\nX-A: ${foreign.text}`, 'FIN') },
  'goes after the headers of a stream':   { ends: cut, says: goes(streamHead, 'FIN') },
  'goes after the headers of a body':     { ends: cut, says: goes(jsonHead, 'FIN'), isWhole },
  'goes within the size of a chunk':      { ends: cut, says: goes(`${jsonHead}1`, 'FIN'), isWhole },
  'goes within a body':                   { ends: cut, says: goes(whole(good).subarray(0, -9), 'FIN'), isWhole },
  'resets within a body':                 { ends: cut, says: goes(whole(good).subarray(0, -9), 'RST'), isWhole },
  'goes within a refusal':                { ends: cut, says: goes(`${head('500 Oh', 'Content-Length: 999')}{"error":`, 'FIN') },
  'goes before the end of its chunks':    { ends: content, says: goes(openStream(goodStream), 'FIN') },
  'goes after the first token':           { ends: cutAfter, says: goes(openStream(hello), 'FIN') },
  'is gone after the first token':        { ends: cutAfter, says: goes(openStream(hello), 'close') },
  'goes within an event':                 { ends: cutAfter, says: goes(openStream(half), 'FIN') },
  'goes within a chunk':                  { ends: cutAfter, says: goes(openStream(half).subarray(0, -9), 'FIN') },
  'goes after its finish':                { ends: content, says: goes(openStream(hello + lastChunk()), 'FIN') },
  'ends its stream without a length':     { ends: content, says: goes(head('200 OK', 'Content-Type: text/event-stream') + goodStream, 'FIN') },
  'cuts its stream without a length':     { ends: cutAfter, says: goes(head('200 OK', 'Content-Type: text/event-stream') + half, 'FIN') },
}

const block = 'x'.repeat(10_000)

/* biome-ignore format: a table reads as a table */
const endless: Record<string, Behaviour> = {
  'a header':                             { ends: cut, says: neverStops('HTTP/1.1 200 OK\r\nX-A: ', block) },
  'headers':                              { ends: cut, says: neverStops('HTTP/1.1 200 OK\r\n', 'X-A: b\r\n') },
  'trailers':                             { ends: cut, says: neverStops(`${jsonHead}1\r\n{\r\n0\r\n`, 'X-A: b\r\n'), isWhole },
  'a body':                               { ends: tooLarge, says: neverStops(jsonHead, chunked(block)), isWhole },
  'a body without a length':              { ends: tooLarge, says: neverStops(head('200 OK', 'Content-Type: application/json'), block), isWhole },
  'a first event':                        { ends: tooLarge, says: neverStops(openStream('data: {"a":"'), chunked(block)) },
  'an event of many lines':               { ends: tooLarge, says: neverStops(streamHead, chunked(`data: ${block}\n`)) },
  'a comment':                            { ends: tooLarge, says: neverStops(openStream(': '), chunked(block)) },
  'an event in the middle':               { ends: tooLargeAfter, says: neverStops(openStream(`${hello}data: {"a":"`), chunked(block)) },
}

const short = { upstreams: { firstByteMs: 400 } }
const small = { upstreams: { eventBytesMax: 65_536, answerBytesMax: 65_536 } }

describe.each(kinds)('in front of %s', (kind) => {
  describe('a server that', () => {
    const rig = hostileRig(kind)

    test.each(Object.entries(leaving))('%s', async (_name, behaviour) => {
      await rig.meets({ tries: 1, ...behaviour })
    })

    test('resets after the first token', async () => {
      // What it said may be lost on the way: then nothing was shown, and it is a plain refusal.
      const seen = await rig.sees({ says: goes(openStream(hello), 'RST') })
      if (seen.status === 502)
        return expect(JSON.parse(seen.text)).toMatchObject({ error: { code: 'upstream_cut' } })
      const { events, isDone } = eventsOf(seen.text)
      expect(isDone).toBe(false)
      expect(events.at(-1)).toMatchObject({ error: { code: 'upstream_cut' } })
    })
  })

  describe('a server that never ends', () => {
    const rig = hostileRig(kind, small)

    test.each(Object.entries(endless))('%s', async (_name, behaviour) => {
      await rig.meets({ tries: 1, ...behaviour })
    })
  })

  test('nobody who listens: unreachable, tried once more, and nothing else', async () => {
    const server = await startRawServer()
    const { url } = server
    await server[Symbol.asyncDispose]()
    const config = { routing: { retries: true } }
    await using gateway = await startTestGateway({ baseUrl: url, kind, slots: 1, config })
    const response = await gateway.post(chat())
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { code: 'upstream_unreachable' } })
    expect(callRows(gateway.ledgerPath)).toMatchObject([
      { attempts: 2, error_code: 'upstream_unreachable' },
    ])
    expect(attemptRows(gateway.ledgerPath)).toMatchObject([
      { released: 'unsent', wasted_seconds: 0 },
      { released: 'unsent', wasted_seconds: 0 },
    ])
  })

  test('a server that accepts and never reads: the first byte is too late', async () => {
    const sockets = new Set<Socket>()
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : null
    const baseUrl = `http://127.0.0.1:${port}`
    await using gateway = await startTestGateway({ baseUrl, kind, slots: 1, config: short })
    // More than the buffers on the way can hold.
    const response = await gateway.post(
      chat({ user: 'x'.repeat(100), stop: 'y'.repeat(8_000_000) }),
    )
    expect(response.status).toBe(504)
    expect(await response.json()).toMatchObject({ error: { code: 'first_byte_timeout' } })
    expect(callRows(gateway.ledgerPath)).toMatchObject([{ attempts: 1, outcome: 'timeout' }])
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  describe('a server that closes the connection that it kept, just as the next call comes', () => {
    const rig = hostileRig(kind)

    test('is asked no call twice, and no call hangs', async () => {
      const before = rig.server().requests()
      const rounds = 40
      let answered = 0
      for (let round = 0; round < rounds; round += 1) {
        // Every other time, the FIN is behind the answer in the same breath.
        const says: Behaviour['says'] = (socket) => {
          socket.write(whole(good))
          if (round % 2 === 0) socket.end()
        }
        const { status, text } = await rig.sees({ says, isWhole })
        if (status === 200) answered += 1
        else expect(JSON.parse(text)).toMatchObject({ error: { code: 'upstream_cut' } })
      }
      expect(rig.server().requests() - before).toBeLessThanOrEqual(rounds)
      expect(answered).toBeGreaterThanOrEqual(rounds / 2)
      expect(callRows(rig.gateway().ledgerPath)).toHaveLength(rounds)
      await rig.meets({ says: stream(goodStream), ends: content })
    })
  })
})
