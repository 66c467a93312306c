// Content is never altered: however an upstream's bytes arrive, in pieces that go through characters
// and line ends, each surface says the same; and what is cut at any byte never looks complete.
import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import {
  type Asking,
  askedOf,
  readAnswer,
  type StreamAsking,
  streamAskings,
  wholeAskings,
} from '../support/openai-surfaces.ts'
import { beginStream, done, event, startUpstream } from '../support/scripted-upstream.ts'
import { kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

// Two choices, characters of one to four bytes, a line end inside a content, a tool's arguments
// where a surface has tools: all that a cut could go through, in as few bytes as possible.
const hostile = 'aä€😀\n'
const framings = {
  LF: (value: object) => event(value),
  CRLF: (value: object) => `data:${JSON.stringify(value)}\r\n\r\n`,
  CR: (value: object) => `: ping\r\rid: 7\revent: message\rdata: ${JSON.stringify(value)}\r\r`,
}
const atOnce = 32

describe.each(kinds)('in front of %s', (kind) => {
  describe.each(streamAskings)('$name', (asking) => {
    const chunks = chunksOf(asking)
    const plain = framed(chunks, framings.LF)

    test.each(Object.entries(framings))(
      'a stream (%s) split in two at any byte decodes to the same',
      async (_name, framing) => {
        const bytes = framed(chunks, framing)
        await using upstream = await startUpstream((call) => {
          beginStream(call)
          const offset = Number(askedOf(call).prompt)
          call.response.write(bytes.subarray(0, offset))
          call.response.end(bytes.subarray(offset))
        })
        await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: atOnce })
        await atEvery(offsetsIn(bytes), async (offset) => {
          const { events, isDone } = eventsOf(await answerTo(gateway, asking, offset))
          expect(isDone).toBe(true)
          expect(events.map(content), `split at ${offset}`).toEqual(chunks.map(named))
        })
      },
    )

    test('a stream cut at any byte ends in one error event, unless all had been said', async () => {
      /** Where every choice has finished, blank line included. */
      const finishedAt = plain.length - Buffer.byteLength(done)
      await using upstream = await startUpstream((call) => {
        beginStream(call)
        call.response.flushHeaders()
        const said = plain.subarray(0, Number(askedOf(call).prompt))
        call.response.write(said, () => call.socket.destroy())
      })
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: atOnce })
      await atEvery(offsetsIn(plain), async (offset) => {
        const text = await answerTo(gateway, asking, offset)
        const complete = Math.min(eventsIn(plain.subarray(0, offset)), chunks.length)
        if (complete === 0) return expect(JSON.parse(text)).toMatchObject(isCut)
        const { events, isDone } = eventsOf(text)
        const said = chunks.slice(0, complete).map(named)
        expect(isDone, `cut at ${offset}`).toBe(offset >= finishedAt)
        expect(events.slice(0, said.length).map(content), `cut at ${offset}`).toEqual(said)
        const rest = events.slice(said.length)
        if (offset >= finishedAt) expect(rest).toEqual([])
        else expect(rest).toMatchObject([isCut])
      })
    })

    test('a stream that comes byte by byte decodes to the same', async () => {
      await using upstream = await startUpstream((call) => {
        beginStream(call)
        for (const byte of framed(chunks, framings.CRLF)) call.response.write(Buffer.from([byte]))
        call.response.end()
      })
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
      const { events, isDone } = eventsOf(await answerTo(gateway, asking, 0))
      expect(isDone).toBe(true)
      expect(events.map(content)).toEqual(chunks.map(named))
    })
  })

  describe.each(wholeAskings)('$name', (asking) => {
    const bytes = Buffer.from(asking.surface.whole(hostile))

    test('an answer split in two at any byte decodes to the same', async () => {
      await using upstream = await startUpstream((call) => {
        const offset = Number(askedOf(call).prompt)
        call.response.writeHead(200, { 'content-type': 'application/json' })
        call.response.write(bytes.subarray(0, offset))
        call.response.end(bytes.subarray(offset))
      })
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: atOnce })
      await atEvery(offsetsIn(bytes), async (offset) => {
        const said = readAnswer(asking, await answerTo(gateway, asking, offset))
        expect(said, `split at ${offset}`).toMatchObject({ text: hostile, isComplete: true })
      })
    })

    test('an answer cut at any byte is an error, and not a byte of it', async () => {
      await using upstream = await startUpstream((call) => {
        const said = bytes.subarray(0, Number(askedOf(call).prompt))
        const headers = { 'content-type': 'application/json', 'content-length': bytes.length }
        call.response.writeHead(200, headers).write(said, () => call.socket.destroy())
      })
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: atOnce })
      await atEvery(offsetsIn(bytes), async (offset) => {
        const answer = await answerTo(gateway, asking, offset)
        expect(JSON.parse(answer), `cut at ${offset}`).toMatchObject(isCut)
      })
    })
  })
})

const isCut = { error: { type: 'upstream_error', code: 'upstream_cut' } }

function chunksOf({ surface, words }: StreamAsking): object[] {
  const call = { index: 0, function: { arguments: '{"q":"ü\\n"}' } }
  const other = words.choice(1, 'ü\\"\r')
  const choices = [
    words.choice(0, hostile),
    surface.hasTools ? { ...other, delta: { tool_calls: [call] } } : other,
    words.choice(0, '', 'stop'),
    words.choice(1, '', surface.hasTools ? 'tool_calls' : 'length'),
  ]
  return choices.map((choice) => ({ id: 'c', model: 'm', choices: [choice] }))
}

function framed(chunks: readonly object[], framing: (value: object) => string): Buffer {
  return Buffer.from(chunks.map(framing).join('') + done)
}

function eventsIn(bytes: Buffer): number {
  return bytes.toString().split('\n\n').length - 1
}

/** What the upstream said; the rest of the envelope is ours to put right. */
function content({ id, model, choices }: Record<string, unknown>) {
  return { id, model, choices }
}

/** How the client sees it: the model's name is ours, and a null that is the server's own is gone. */
function named(chunk: object) {
  const text = JSON.stringify({ ...chunk, model: 'test-model' })
  return JSON.parse(text.replaceAll(',"stop_reason":null', ''))
}

function offsetsIn(bytes: Buffer): number[] {
  return Array.from(bytes.keys()).slice(1)
}

async function answerTo(gateway: TestGateway, asking: Asking, offset: number): Promise<string> {
  const body = asking.body(asking.stream ? { n: 2 } : {}, String(offset))
  return (await gateway.post(body, {}, asking.path)).text()
}

async function atEvery(offsets: number[], check: (offset: number) => Promise<void>) {
  const left = offsets.values()
  const worker = async () => {
    for (const offset of left) await check(offset)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
