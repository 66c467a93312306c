import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { beginStream, done, event, startUpstream } from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

// Two choices, characters of one to four bytes, a line end inside a content, a tool's arguments:
// all that a cut could go through, in as few bytes as possible.
const chunks = [
  choice(0, { role: 'assistant', content: 'aä€😀\n' }),
  choice(1, { tool_calls: [{ index: 0, function: { arguments: '{"q":"ü\\n"}' } }] }),
  choice(0, {}, 'stop'),
  choice(1, {}, 'tool_calls'),
]
const framings = {
  LF: stream((value) => event(value)),
  CRLF: stream((value) => `data:${JSON.stringify(value)}\r\n\r\n`),
  CR: stream((value) => `: ping\r\rid: 7\revent: message\rdata: ${JSON.stringify(value)}\r\r`),
}
const plain = framings.LF
/** Where every choice has finished, blank line included. */
const finishedAt = Buffer.byteLength(chunks.map((one) => event(one)).join(''))
const atOnce = 32

describe.each(kinds)('in front of %s', (kind) => {
  test.each(Object.entries(framings))(
    'a stream (%s) split in two at any byte decodes to the same',
    async (_name, bytes) => {
      await using upstream = await startUpstream((call) => {
        beginStream(call)
        const offset = Number(JSON.parse(call.body).messages[0].content)
        call.response.write(bytes.subarray(0, offset))
        call.response.end(bytes.subarray(offset))
      })
      await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: atOnce })
      await atEvery(offsetsIn(bytes), async (offset) => {
        const { events, isDone } = eventsOf(await answerTo(gateway, offset))
        expect(isDone).toBe(true)
        expect(events.map(content), `split at ${offset}`).toEqual(chunks.map(named))
      })
    },
  )

  test('a stream cut at any byte ends in one error event, unless all had been said', async () => {
    await using upstream = await startUpstream((call) => {
      const offset = Number(JSON.parse(call.body).messages[0].content)
      beginStream(call)
      call.response.flushHeaders()
      call.response.write(plain.subarray(0, offset), () => call.socket.destroy())
    })
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, slots: atOnce })
    await atEvery(offsetsIn(plain), async (offset) => {
      const text = await answerTo(gateway, offset)
      const complete = completeAt(offset)
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
})

test('a stream that comes byte by byte decodes to the same', async () => {
  await using upstream = await startUpstream((call) => {
    beginStream(call)
    for (const byte of framings.CRLF) call.response.write(Buffer.from([byte]))
    call.response.end()
  })
  await using gateway = await startTestGateway({ baseUrl: upstream.url })
  const { events, isDone } = eventsOf(await answerTo(gateway, 0))
  expect(isDone).toBe(true)
  expect(events.map(content)).toEqual(chunks.map(named))
})

const isCut = { error: { type: 'upstream_error', code: 'upstream_cut' } }

function choice(index: number, delta: object, finish_reason: string | null = null) {
  return { id: 'c', model: 'm', choices: [{ index, delta, finish_reason }] }
}

function stream(write: (value: unknown) => string): Buffer {
  return Buffer.from(chunks.map(write).join('') + done)
}

/** What the upstream said; the rest of the envelope is ours to put right. */
function content({ id, model, choices }: Record<string, unknown>) {
  return { id, model, choices }
}

/** How the client sees it: only the model's name is ours. */
function named(chunk: object) {
  return { ...chunk, model: 'test-model' }
}

function completeAt(offset: number): number {
  const said = plain.subarray(0, offset).toString().split('\n\n').length - 1
  return Math.min(said, chunks.length)
}

function offsetsIn(bytes: Buffer): number[] {
  return Array.from(bytes.keys()).slice(1)
}

async function answerTo(gateway: TestGateway, offset: number): Promise<string> {
  const messages = [{ role: 'user', content: String(offset) }]
  const response = await gateway.post(chat({ stream: true, n: 2, messages }))
  return response.text()
}

async function atEvery(offsets: number[], check: (offset: number) => Promise<void>) {
  const left = offsets.values()
  const worker = async () => {
    for (const offset of left) await check(offset)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
