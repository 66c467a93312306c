// What all clients together may take: bodies in memory, and connections. Each bound is reached, is
// refused beyond, and is free again when it is given back.
import { expect, onTestFinished, test } from 'vitest'
import type { UpstreamCall } from '../support/scripted-upstream.ts'
import { adminKey } from '../support/test-gateway.ts'
import { type Besieged, besiege, expectRefusal } from './besieged-gateway.ts'
import { answerSome, spellEndless } from './endless-calls.ts'
import { chatRoute, modelRoutes, onEach, spell, usual } from './post-routes.ts'
import type { RawClient } from './raw-client.ts'

async function open(http: object, script?: (call: UpstreamCall) => void): Promise<Besieged> {
  const besieged = await besiege({ http }, script)
  onTestFinished(() => besieged[Symbol.asyncDispose]())
  return besieged
}

/** The half of what all bodies together may hold. */
const half = 5_000
const bodies = { inflightBodyBytesMax: 2 * half }

const padded = (bytes: number) => {
  const good = JSON.stringify(chatRoute.good)
  return `${good}${' '.repeat(bytes - good.length)}`
}
/** Half is what one key may hold. */
const otherKey = { ...chatRoute, key: adminKey }
const chunkedLines = [...usual(otherKey), 'Transfer-Encoding: chunked']

test.each(onEach(modelRoutes, [['declared'], ['chunked']]))(
  'bodies that are %s are refused on %s when they are too many together, and let in again',
  async (how, _path, route) => {
    const besieged = await open(bodies)
    using first = await besieged.connect()
    using second = await besieged.connect()
    // Neither is at its end.
    first.send(spell(chatRoute, { body: padded(half) }).subarray(0, -1))
    second.send(spell(otherKey, { body: padded(half) }).subarray(0, -1))
    await bothSeen(besieged)
    const body = JSON.stringify(route.good)
    const given =
      how === 'declared'
        ? spell(route)
        : spell(route, {
            lines: [...usual(route), 'Transfer-Encoding: chunked'],
            body: `${body.length.toString(16)}\r\n${body}\r\n`,
          })
    const refused = await besieged.ask(given)
    expectRefusal(refused, { status: 429, code: 'capacity' })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    for (const client of [first, second]) {
      client.send(' ')
      expect((await client.answer()).status).toBe(200)
    }
    expect((await besieged.ask(spell(route))).status).toBe(200)
    await besieged.expectUnharmed()
  },
)

/** Requests of others pass, so what was sent before them has been read. */
async function bothSeen({ ask }: Besieged): Promise<void> {
  for (let at = 0; at < 3; at += 1)
    expect((await ask('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')).status).toBe(200)
}

test('a chunked body is refused where it grows beyond what is left', async () => {
  const besieged = await open(bodies)
  using first = await besieged.connect()
  first.send(spell(chatRoute, { body: padded(half) }).subarray(0, -1))
  using second = await besieged.connect()
  second.send(spell(otherKey, { lines: chunkedLines, body: `1388\r\n${padded(half)}\r\n` }))
  await bothSeen(besieged)
  second.send(`2\r\n  \r\n`)
  expectRefusal(await second.answer(), { status: 429, code: 'capacity' })
  first.send(' ')
  expect((await first.answer()).status).toBe(200)
})

test('the body of a call that runs counts until its end', async () => {
  const besieged = await open(bodies, answerSome)
  using client = await besieged.connect()
  client.send(spellEndless(true, 'x'.repeat(2 * half - 200)))
  await client.seen('Hello')
  const refused = await besieged.ask(spell(chatRoute, { body: padded(400) }))
  expectRefusal(refused, { status: 429, code: 'capacity' })
  const call = await besieged.upstream.nextCall()
  client.socket.resetAndDestroy()
  await call.closed
  await besieged.expectUnharmed()
})

test.each(['close', 'reset'] as const)(
  'a body whose client leaves by a %s is given back',
  async (how) => {
    const besieged = await open(bodies)
    for (let at = 0; at < 5; at += 1) {
      using client = await besieged.connect()
      client.send(spell(chatRoute, { body: padded(2 * half) }).subarray(0, -1))
      await bothSeen(besieged)
      if (how === 'close') client.socket.destroy()
      else client.socket.resetAndDestroy()
      await client.closed
    }
    await besieged.expectUnharmed()
  },
)

test('bodies that are only told of hold nothing, and keep nobody out', async () => {
  const besieged = await open({})
  const before = process.memoryUsage().arrayBuffers
  const clients: RawClient[] = []
  for (let at = 0; at < 50; at += 1) {
    const client = await besieged.connect()
    clients.push(client)
    client.send(
      spell(chatRoute, { lines: [...usual(chatRoute), 'Content-Length: 20000000'], body: '{' }),
    )
  }
  await bothSeen(besieged)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
  for (const route of [chatRoute, otherKey]) {
    expect((await besieged.ask(spell(route))).status).toBe(200)
  }
  for (const client of clients) client.socket.destroy()
  await besieged.expectUnharmed()
})

test('a key whose bodies hold half of all leaves the rest to others', async () => {
  const besieged = await open(bodies)
  using first = await besieged.connect()
  first.send(spell(chatRoute, { body: padded(half) }).subarray(0, -1))
  await bothSeen(besieged)
  const refused = await besieged.ask(spell(chatRoute))
  expectRefusal(refused, { status: 429, code: 'capacity' })
  expect((await besieged.ask(spell(otherKey, { body: padded(half) }))).status).toBe(200)
  first.send(' ')
  expect((await first.answer()).status).toBe(200)
  await besieged.expectUnharmed()
})

test('a body that is alone is let in, however large all together may be', async () => {
  const besieged = await open(bodies)
  const large = spell(chatRoute, { body: padded(10 * half) })
  expect((await besieged.ask(large)).status).toBe(200)
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['too large a body', chatRoute,                                100_000_000, 413],
  ['a wrong key',      { ...chatRoute, key: 'hostile-text' },     10_000_000, 401],
  ['an unknown route', { ...chatRoute, path: '/v1/hostile-text' }, 10_000_000, 404],
])('what goes on being sent is not read for long after %s', async (_what, route, length, status) => {
  const besieged = await open({})
  using client = await besieged.connect()
  const lines = [...usual(route), `Content-Length: ${length}`]
  client.send(spell(route, { lines, body: 'x' }))
  expectRefusal(await client.answer(), { status })
  await client.closed
  await besieged.expectUnharmed()
})

const last = ['Connection: close']

/* biome-ignore format: a table reads as a table */
test.each([
  ['too large a body',              chatRoute,                                      { extra: last }, 413],
  ['too large a body, in HTTP/1.0', chatRoute,                                      { version: 'HTTP/1.0' }, 413],
  ['a wrong key',                   { ...chatRoute, key: 'hostile-text' },          { extra: last }, 401],
  ['a wrong key, in HTTP/1.0',      { ...chatRoute, key: 'hostile-text' },          { version: 'HTTP/1.0' }, 401],
  ['an unknown route',              chatRoute,                                      { extra: last, target: '/v1/hostile-text' }, 404],
  ['a bad address',                 chatRoute,                                      { extra: last, target: '/%zz' }, 400],
  ['a coding',                      chatRoute,                                      { extra: [...last, 'Content-Encoding: gzip'] }, 415],
  ['two hosts',                     chatRoute,                                      { extra: ['Host: hostile-text'] }, 400],
])('a client that sends all before it reads hears of %s', async (_what, route, given, status) => {
  const besieged = await open({ bodyBytesMax: 100_000 })
  using client = await besieged.connect()
  client.socket.pause()
  await new Promise((resolve) => {
    client.socket.once('close', resolve)
    client.socket.write(spell(route, { body: padded(8_000_000), ...given }), resolve)
  })
  client.socket.resume()
  const answer = await client.answer()
  expectRefusal(answer, { status })
  expect(answer.headers.get('connection')).toBe('close')
  await client.closed
  await besieged.expectUnharmed()
})

test('connections beyond the most are closed, told once, and let in again', async () => {
  const besieged = await open({ connectionsMax: 3 })
  const clients = [await besieged.connect(), await besieged.connect(), await besieged.connect()]
  for (let at = 0; at < 5; at += 1) {
    using client = await besieged.connect()
    client.send(spell(chatRoute))
    await client.closed
    expect(client.text()).toBe('')
  }
  const told = besieged.gateway.logLines().filter(({ error_code }) => error_code === 'capacity')
  expect(told).toHaveLength(1)
  for (const client of clients) {
    client.send(spell(chatRoute))
    expect((await client.answer()).status).toBe(200)
    client.socket.destroy()
    await client.closed
  }
  await besieged.expectUnharmed()
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['many headers',  { headersMax: 10 },       { extra: Array.from({ length: 7 }, (_, at) => `X-${at}: 1`) }],
  ['large headers', { headerBytesMax: 1024 }, { extra: [`X-Large: ${'x'.repeat(1_100)}`] }],
])('how %s may be is configured', async (_what, http, given) => {
  const besieged = await open(http)
  expect((await besieged.ask(spell(chatRoute))).status).toBe(200)
  expectRefusal(await besieged.ask(spell(chatRoute, given)), { status: 431, code: 'headers_too_large' })
})
