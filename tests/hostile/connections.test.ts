// Connections that are left in each phase of a call, or used for many requests at once. Each test
// has a gateway of its own, and looks at it afterwards.
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  answerWhole,
  done,
  lastChunk,
  type UpstreamCall,
  usageChunk,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import { chat } from '../support/test-gateway.ts'
import { type Besieged, besiege, expectRefusal } from './besieged-gateway.ts'
import { answerSome, spellEndless } from './endless-calls.ts'
import { adminRoute, chatRoute, modelRoutes, spell, usual } from './post-routes.ts'

let besieged: Besieged

const endlessStream = spellEndless(true)
const endlessWhole = spellEndless(false)
const whole = spell(chatRoute)
const bodyAt = whole.indexOf('\r\n\r\n') + 4

beforeEach(async () => {
  besieged = await besiege({}, answerSome)
})
afterEach(async () => {
  await besieged.expectUnharmed()
  await besieged[Symbol.asyncDispose]()
})

const leavings = ['close', 'reset', 'half-close'] as const

/* biome-ignore format: a table reads as a table */
const phases: [phase: string, bytes: Buffer | string][] = [
  ['before a byte',            ''],
  ['in the request line',      whole.subarray(0, 10)],
  ['in a header',              whole.subarray(0, 60)],
  ['between head and body',    whole.subarray(0, bodyAt)],
  ['in the body',              whole.subarray(0, bodyAt + 20)],
  ['one byte before the end',  whole.subarray(0, -1)],
  ['within a chunk',           spell(chatRoute, { lines: [...usual(chatRoute), 'Transfer-Encoding: chunked'], body: '50\r\nhello' })],
  ['between two chunks',       spell(chatRoute, { lines: [...usual(chatRoute), 'Transfer-Encoding: chunked'], body: '5\r\nhello\r\n' })],
]

describe('a client that leaves', () => {
  const cases = phases.flatMap(([phase, bytes]) =>
    leavings.map((how) => [phase, how, bytes] as const),
  )

  test.each(cases)('%s by a %s has asked nothing', async (_phase, how, bytes) => {
    using client = await besieged.connect()
    client.send(bytes)
    leave(client.socket, how)
    await client.closed
    await besieged.expectUnharmed()
    // The one call is the good one that was just made.
    expect(besieged.upstream.calls).toHaveLength(1)
    expect(besieged.gateway.logLines().filter(({ level }) => level === 'error')).toEqual([])
  })

  test.each(leavings)('before its answer by a %s takes its call with it', async (how) => {
    using client = await besieged.connect()
    client.send(endlessWhole)
    const call = await besieged.upstream.nextCall()
    leave(client.socket, how)
    await call.closed
  })

  test.each(leavings)('in its stream by a %s takes its call with it', async (how) => {
    using client = await besieged.connect()
    client.send(endlessStream)
    const call = await besieged.upstream.nextCall()
    await client.seen('Hello')
    leave(client.socket, how)
    await call.closed
  })

  test.each(leavings)(
    'with a queue of requests behind its stream by a %s takes all with it',
    async (how) => {
      using client = await besieged.connect()
      client.send(Buffer.concat([endlessStream, endlessWhole, endlessStream]))
      const calls = [
        await besieged.upstream.nextCall(),
        await besieged.upstream.nextCall(),
        await besieged.upstream.nextCall(),
      ]
      await client.seen('Hello')
      leave(client.socket, how)
      await Promise.all(calls.map(({ closed }) => closed))
    },
  )
})

function leave(socket: Socket, how: (typeof leavings)[number]): void {
  if (how === 'close') socket.destroy()
  else if (how === 'reset') socket.resetAndDestroy()
  else socket.end()
}

describe('many requests on one connection', () => {
  test('in one packet are answered in their order', async () => {
    using client = await besieged.connect()
    const requests = modelRoutes.map((route) => spell(route))
    client.send(
      Buffer.concat([...requests, spell(chatRoute, { target: '/v1/nothing' }), ...requests]),
    )
    const objects: unknown[] = []
    for (let at = 0; at < 7; at += 1) {
      const { status, body } = await client.answer()
      objects.push(status === 200 ? JSON.parse(body).object : status)
    }
    const good = ['chat.completion', 'text_completion', 'list']
    expect(objects).toEqual([...good, 404, ...good])
  })

  test('behind a stream wait for its end', async () => {
    using client = await besieged.connect()
    const stream = spell(chatRoute, { body: JSON.stringify(chat({ stream: true })) })
    client.send(Buffer.concat([stream, whole]))
    const first = await client.answer()
    expect(first.body.trim().endsWith('data: [DONE]')).toBe(true)
    expect(JSON.parse((await client.answer()).body).object).toBe('chat.completion')
  })

  test('are fifty at once as well', async () => {
    using client = await besieged.connect()
    client.send(Buffer.concat(Array.from({ length: 50 }, () => whole)))
    for (let at = 0; at < 50; at += 1) expect((await client.answer()).status).toBe(200)
  })

  test('of which one is refused go on behind it', async () => {
    using client = await besieged.connect()
    client.send(
      Buffer.concat([
        spell(chatRoute, { body: '{' }),
        whole,
        spell(chatRoute, { body: '[]' }),
        whole,
      ]),
    )
    const statuses: number[] = []
    for (let at = 0; at < 4; at += 1) statuses.push((await client.answer()).status)
    expect(statuses).toEqual([400, 200, 400, 200])
  })

  test('of which one breaks in its body end with that one, and it is told', async () => {
    using client = await besieged.connect()
    const lines = [...usual(chatRoute), 'Transfer-Encoding: chunked']
    const begun = spell(chatRoute, { lines, body: '5\r\nhello\r\n' })
    client.send(Buffer.concat([whole, whole, begun]))
    for (let at = 0; at < 2; at += 1) expect((await client.answer()).status).toBe(200)
    client.send('hostile-text\r\n')
    expectRefusal(await client.answer(), { status: 400 })
    await client.closed
  })

  test('that are no HTTP are told so although the client does not hang up', async () => {
    using client = await besieged.connect()
    client.socket.removeAllListeners('end')
    client.send('hostile-text\r\n\r\n')
    expectRefusal(await client.answer(), { status: 400 })
    const over = new Promise((resolve) => client.socket.once('close', resolve))
    client.socket.on('error', () => {})
    const going = setInterval(() => client.socket.write('more'), 20)
    await over
    clearInterval(going)
  })

  test('end with the first that is no HTTP, after the answers before it', async () => {
    using client = await besieged.connect()
    client.send(whole)
    expect((await client.answer()).status).toBe(200)
    client.send('hostile-text\r\n\r\n')
    expectRefusal(await client.answer(), { status: 400 })
    await client.closed
  })

  test('are not found in a body: what is behind it is a request of its own', async () => {
    using client = await besieged.connect()
    const hidden = spell(chatRoute, { target: '/admin/keys' })
    client.send(spell(chatRoute, { body: `{"x":${JSON.stringify(hidden.toString())}` }))
    expectRefusal(await client.answer(), { status: 400, code: 'invalid_json' })
    client.send(whole)
    expect((await client.answer()).status).toBe(200)
  })
})

/** Answers that nobody has to wait for any more. */
function finish(call: UpstreamCall): void {
  if (!call.body.includes('"stream":true')) return answerWhole(call, wholeAnswer('Hello'))
  call.response.end(`${lastChunk()}${usageChunk(1, 2)}${done}`)
}

// It is ignored, as RFC 9112 (9.6) has it, and the connection ends: a stray line end of a careless
// client must not cost it a generation that runs, nor the answer why it was refused.
describe('what is sent behind a whole request', () => {
  const body = JSON.stringify(chatRoute.good)
  const withLength = (length: number) =>
    spell(chatRoute, { lines: [...usual(chatRoute), `Content-Length: ${length}`], body })
  const closing = spell(chatRoute, { extra: ['Connection: close'] })
  const old = spell(chatRoute, { version: 'HTTP/1.0' })
  const admin = spell(adminRoute)

  /* biome-ignore format: a table reads as a table */
  test.each<[what: string, bytes: (string | Buffer)[], status: number]>([
    ['a NUL',                                [whole, '\0'], 200],
    ['a blank',                              [whole, ' '], 200],
    ['words',                                [whole, 'hostile-text\r\n\r\n'], 200],
    ['an endless header',                    [whole, `GET / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}`], 200],
    ['a line end, after the last request',   [closing, '\r\n'], 200],
    ['a request, after the last one',        [closing, whole], 200],
    ['a line end, after HTTP/1.0',           [old, '\r\n'], 200],
    ['a request, after HTTP/1.0',            [old, whole], 200],
    ['the end of a body of too small a length', [withLength(body.length - 1)], 400],
    ['a body without a length',              [spell(chatRoute, { lines: usual(chatRoute), body })], 400],
    ['words, on a door that takes its time', [admin, 'hostile-text\r\n\r\n'], 201],
    ['words, after two requests',            [spell(chatRoute, { body: '{' }), whole, 'hostile-text\r\n\r\n'], 400],
  ])('takes nothing from its answer: %s', async (_what, bytes, status) => {
    using client = await besieged.connect()
    client.send(Buffer.concat(bytes.map((it) => Buffer.from(it))))
    const first = await client.answer()
    expect(first.status).toBe(status)
    const last = bytes.length === 3 ? await client.answer() : first
    expect(last.headers.get('connection')).toBe('close')
    await client.closed
    expect(client.text()).not.toContain('hostile-text')
    expect(client.text().split('HTTP/1.1 ')).toHaveLength(bytes.length === 3 ? 3 : 2)
  })

  test('takes nothing from a refusal that is being said', async () => {
    using client = await besieged.connect()
    client.send(`${spell(chatRoute, { target: '/v1/nothing' })}hostile-text\r\n\r\n`)
    expectRefusal(await client.answer(), { status: 404 })
    await client.closed
  })

  test.each([
    ['that streams', endlessStream],
    ['that does not', endlessWhole],
  ])('takes nothing from a call that runs, %s', async (_how, bytes) => {
    using client = await besieged.connect()
    client.send(bytes)
    const call = await besieged.upstream.nextCall()
    if (bytes === endlessStream) await client.seen('Hello')
    client.send(Buffer.concat([Buffer.from('hostile-text\r\n\r\n'), whole]))
    // Requests of others pass, so what was sent before them has been read.
    for (let at = 0; at < 3; at += 1) await besieged.ask('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    finish(call)
    const answer = await client.answer()
    expect(answer.status).toBe(200)
    expect(answer.body).toContain('Hello')
    if (bytes === endlessStream) expect(answer.body).toContain('[DONE]')
    await client.closed
    expect(client.text().split('HTTP/1.1')).toHaveLength(2)
    expect(client.text()).not.toContain('hostile-text')
    expect(besieged.upstream.calls).toHaveLength(1)
  })

  const runs = [endlessStream, endlessWhole].flatMap((bytes) =>
    leavings.map((how) => [bytes === endlessStream ? 'a stream' : 'a call', how, bytes] as const),
  )

  test.each(runs)('does not hide that the client of %s leaves by a %s', async (_1, how, bytes) => {
    using client = await besieged.connect()
    client.send(bytes)
    const call = await besieged.upstream.nextCall()
    if (bytes === endlessStream) await client.seen('Hello')
    client.send('hostile-text\r\n\r\n')
    for (let at = 0; at < 3; at += 1) await besieged.ask('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    leave(client.socket, how)
    await call.closed
  })

  test('is not read any more when it was too slow to be read', async () => {
    await using hasty = await besiege({ http: { headersMs: 50 } })
    using client = await hasty.connect()
    client.socket.removeAllListeners('end')
    client.send(whole.subarray(0, 40))
    expectRefusal(await client.answer(), { status: 408 })
    client.send(whole.subarray(40))
    await hasty.expectUnharmed()
    // The call is the good one that was just made.
    expect(hasty.upstream.calls).toHaveLength(1)
    const refused = hasty.gateway.logLines().filter(({ event }) => event === 'refused')
    expect(refused).toMatchObject([{ status: 408 }])
  })
})
