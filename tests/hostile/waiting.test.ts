// Clients that are slow, that ask whether they may go on, or that go on although nobody listens.
// Each test has a gateway of its own, and looks at it afterwards.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { chunk } from '../support/scripted-upstream.ts'
import { chat } from '../support/test-gateway.ts'
import { type Besieged, besiege, expectRefusal } from './besieged-gateway.ts'
import { answerSome, spellEndless } from './endless-calls.ts'
import { chatRoute, chunked, modelRoutes, type PostRoute, spell, usual } from './post-routes.ts'

let besieged: Besieged

const bodyBytesMax = 100_000
const endlessStream = spellEndless(true)
const whole = spell(chatRoute)
const bodyAt = whole.indexOf('\r\n\r\n') + 4

/** Little patience only where it is what is tested: a busy machine is slow as well. */
function underSiege(http = {}): void {
  beforeEach(async () => {
    besieged = await besiege({ http: { bodyBytesMax, ...http } }, answerSome)
  })
}

afterEach(async () => {
  await besieged.expectUnharmed()
  await besieged[Symbol.asyncDispose]()
})

describe('a slow client', () => {
  underSiege({ headersMs: 400, requestMs: 1_000 })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['says nothing',                  ''],
    ['stops in the request line',     'POST /v1/cha'],
    ['stops in a header',             whole.subarray(0, 60)],
    ['stops before the body',         whole.subarray(0, bodyAt)],
    ['stops in the body',             whole.subarray(0, -1)],
    ['stops in a chunk',              spell(chatRoute, { lines: [...usual(chatRoute), 'Transfer-Encoding: chunked'], body: '50\r\nhello' })],
  ])('that %s is told so, and hung up on', async (_what, bytes) => {
    using client = await besieged.connect()
    client.send(bytes)
    const answer = await client.answer()
    expectRefusal(answer, { status: 408, code: 'request_timeout' })
    expect(answer.headers.get('connection')).toBe('close')
    await client.closed
  })

  test('that waits for its own answer is not slow', async () => {
    using client = await besieged.connect()
    client.send(endlessStream)
    const call = await besieged.upstream.nextCall()
    using slow = await besieged.connect()
    // A request that came later is given up; the call that is older is not.
    slow.send('POST ')
    expectRefusal(await slow.answer(), { status: 408 })
    call.response.write(chunk(' again'))
    await client.seen('again')
  })
})

describe('Expect: 100-continue', () => {
  underSiege()

  const extra = ['Expect: 100-continue']
  const head = (route: PostRoute, more: readonly string[] = []) => {
    const request = spell(route, { extra: [...extra, ...more] })
    return request.subarray(0, request.indexOf('\r\n\r\n') + 4)
  }

  test.each(modelRoutes)('is told to go on, and answered on $path', async (route) => {
    using client = await besieged.connect()
    client.send(head(route))
    expect((await client.answer()).status).toBe(100)
    client.send(JSON.stringify(route.good))
    expect((await client.answer()).status).toBe(200)
  })

  test('is answered when the body does not wait', async () => {
    using client = await besieged.connect()
    client.send(spell(chatRoute, { extra }))
    expect((await client.answer()).status).toBe(100)
    expect((await client.answer()).status).toBe(200)
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['a wrong key',     { ...chatRoute, key: 'hostile-text' }, [], 401],
    ['an unknown route', { ...chatRoute, path: '/v1/nothing' }, [], 404],
    ['a packed body',   chatRoute, ['Content-Encoding: gzip'], 415],
  ])('is refused without a body for %s', async (_what, route, more, status) => {
    using client = await besieged.connect()
    client.send(head(route, more))
    expectRefusal(await client.answer(), { status })
  })

  test('is refused without a body for one that is too large', async () => {
    using client = await besieged.connect()
    client.send(
      spell(chatRoute, {
        lines: [...usual(chatRoute), ...extra, 'Content-Length: 100001'],
        body: '',
      }),
    )
    expectRefusal(await client.answer(), { status: 413, code: 'request_too_large' })
  })

  test('means nothing in HTTP/1.0', async () => {
    using client = await besieged.connect()
    client.send(spell(chatRoute, { version: 'HTTP/1.0', extra }))
    expect((await client.answer()).status).toBe(200)
  })
})

describe('a body over the limit', () => {
  underSiege()

  const large = JSON.stringify(chat({ padding: 'hostile-text'.repeat(10_000) }))

  test('is refused by its length, and the connection goes on', async () => {
    using client = await besieged.connect()
    client.send(spell(chatRoute, { body: large }))
    expectRefusal(await client.answer(), { status: 413, code: 'request_too_large' })
    client.send(whole)
    expect((await client.answer()).status).toBe(200)
  })

  test('is refused by its chunks, and the connection goes on', async () => {
    using client = await besieged.connect()
    const lines = [...usual(chatRoute), 'Transfer-Encoding: chunked']
    client.send(
      spell(chatRoute, { lines, body: chunked([large.slice(0, 60_000), large.slice(60_000)]) }),
    )
    expectRefusal(await client.answer(), { status: 413, code: 'request_too_large' })
    client.send(whole)
    expect((await client.answer()).status).toBe(200)
  })

  test('of exactly the limit is a body', async () => {
    const good = JSON.stringify(chat())
    const body = `${good}${' '.repeat(100_000 - good.length)}`
    expect((await besieged.ask(spell(chatRoute, { body }))).status).toBe(200)
    expectRefusal(await besieged.ask(spell(chatRoute, { body: `${body} ` })), { status: 413 })
  })
})
