// How the events of a stream leave: framed by us, in order, whatever node holds back or waits for.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Client } from 'undici'
import { expect, test } from 'vitest'
import { systemClock } from '#src/domain/index.ts'
import { HttpClientEnd, type UnreadLimit } from '#src/http/client-end.ts'
import { Connection } from '#src/http/connections.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { until } from '../support/until.ts'

type Speak = (
  client: HttpClientEnd,
  request: IncomingMessage,
  connection: Connection,
) => Promise<void>

const patient: UnreadLimit = { clock: systemClock, slowClientMs: 30_000 }

/** A server whose every answer is what `speak` makes of it. */
function listen(speak: Speak, unread: UnreadLimit = patient) {
  return serve((request, response) => {
    const connection = new Connection()
    const client = new HttpClientEnd(response, connection, unread)
    void speak(client, request, connection)
  })
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port, not on a pipe
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const events = ['data: one\n\n', 'data: zwölf\n\n', 'data: 三\n\n', 'data: 🚀\n\n', ': .\n\n']

test('events of several turns, and several of one turn, come as they were written', async () => {
  const expected = [...events, ...events, ...events].join('')
  await using server = await listen(async (client) => {
    client.begin({})
    for (const event of events) client.write(event)
    for (const event of events) {
      await nextTurn()
      client.write(event)
    }
    await nextTurn()
    for (const event of events) client.write(event)
    client.end('data: [DONE]\n\n')
  })
  const answer = await fetch(server.url)
  expect(await answer.text()).toBe(`${expected}data: [DONE]\n\n`)
})

test('a stream says what it is, and asks proxies not to gather it', async () => {
  await using server = await listen(async (client) => {
    client.begin({ 'x-request-id': 'req_1' })
    client.end('data: [DONE]\n\n')
  })
  const { headers } = await fetch(server.url)
  expect(Object.fromEntries(headers)).toMatchObject({
    'x-request-id': 'req_1',
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  })
})

test('an event is on its way when the turn is over in which it was written', async () => {
  const heard = Promise.withResolvers<void>()
  await using server = await listen(async (client) => {
    client.begin({})
    client.write('data: first\n\n')
    await nextTurn()
    client.write('data: second\n\n')
    await heard.promise
    client.end('data: [DONE]\n\n')
  })
  const answer = await fetch(server.url)
  let text = ''
  for await (const piece of answer.body ?? []) {
    text += Buffer.from(piece).toString()
    if (text.includes('second')) heard.resolve()
  }
  expect(text).toBe('data: first\n\ndata: second\n\ndata: [DONE]\n\n')
})

test('a stream behind another on the same connection waits for its turn', async () => {
  const second = Promise.withResolvers<void>()
  await using server = await listen(async (client, { url }) => {
    client.begin({})
    client.write(`data: ${url} begins\n\n`)
    await nextTurn()
    // The first ends only when the second has been written.
    if (url === '/1') await second.promise
    client.write(`data: ${url} goes on\n\n`)
    await nextTurn()
    client.write(`data: ${url} and on\n\n`)
    client.end('data: [DONE]\n\n')
    if (url === '/2') second.resolve()
  })
  const http = new Client(server.url, { pipelining: 2 })
  const ask = async (path: string) => (await http.request({ path, method: 'GET' })).body.text()
  const texts = await Promise.all(['/1', '/2'].map(ask))
  const said = (url: string) => [`${url} begins`, `${url} goes on`, `${url} and on`, '[DONE]']
  expect(texts).toEqual(
    ['/1', '/2'].map((url) =>
      said(url)
        .map((data) => `data: ${data}\n\n`)
        .join(''),
    ),
  )
  await http.close()
})

test('HTTP/1.0 knows no chunks', async () => {
  await using server = await listen(async (client) => {
    client.begin({})
    for (const event of events) {
      client.write(event)
      await nextTurn()
    }
    client.end('data: [DONE]\n\n')
  })
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET / HTTP/1.0\r\n\r\n')
  let text = ''
  for await (const piece of socket.setEncoding('utf8')) text += piece
  expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(`${events.join('')}data: [DONE]\n\n`)
})

const patientMs = 1_000

/** A server of one answer, on a clock that stands still; `waits` counts how often it was waited. */
async function largeAnswer(body: string) {
  const clock = createFakeClock()
  const seen = { waits: 0, ended: false }
  const unread = {
    clock: {
      ...clock,
      after(ms: number, callback: () => void) {
        seen.waits += 1
        return clock.after(ms, callback)
      },
    },
    slowClientMs: patientMs,
  }
  const server = await listen(async (client) => {
    client.whenClosed(() => {
      seen.ended = true
    })
    client.answer(200, {}, body)
  }, unread)
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  return { server, clock, seen, socket }
}

test('a large answer reaches whoever reads it steadily, however slowly', async () => {
  // More than the sockets of both sides hold, in letters of several bytes.
  const body = 'é世🚀x'.repeat(3_000_000)
  const { server, clock, seen, socket } = await largeAnswer(body)
  await using _server = server
  const pieces: Buffer[] = []
  let known = 0
  let passedMs = 0
  for await (const piece of socket) {
    pieces.push(piece)
    if (seen.waits === known) continue
    // Some was taken, or it would not wait anew: so the time that has passed was not too long.
    known = seen.waits
    await clock.advance(0.45 * patientMs)
    passedMs += 0.45 * patientMs
  }
  expect(passedMs).toBeGreaterThan(1.5 * patientMs)
  const text = Buffer.concat(pieces).toString()
  expect(text.slice(text.indexOf('\r\n\r\n') + 4) === body).toBe(true)
})

test('a large answer is not kept for whoever stops reading it', async () => {
  const { server, clock, seen, socket } = await largeAnswer('x'.repeat(30_000_000))
  await using _server = server
  await once(socket, 'readable')
  socket.on('error', () => {})
  await until('it is cut off', async () => {
    await clock.advance(patientMs)
    return seen.ended
  })
  socket.destroy()
})

const largeEvent = `data: ${'x'.repeat(65_536)}\n\n`

/** Writes until the sockets of both sides are full; says how many events it took. */
async function fill(client: HttpClientEnd): Promise<number> {
  client.begin({})
  let written = 0
  // Further than the first events, which node sends by itself.
  for (let isTaken = true; isTaken || written < 100; written += 1) {
    isTaken = client.write(largeEvent)
    await nextTurn()
  }
  return written
}

test.each<[string, (socket: Socket, clock: FakeClock) => unknown]>([
  ['are not kept for whoever does not read them', (_socket, clock) => clock.advance(patientMs)],
  ['leave no timer behind once they were read', (socket) => socket.resume()],
])('the last words %s', async (_what, end) => {
  const clock = createFakeClock()
  const [said, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await using server = await listen(
    async (client) => {
      client.whenClosed(closed.resolve)
      await fill(client)
      client.end('data: [DONE]\n\n')
      said.resolve()
    },
    { clock, slowClientMs: patientMs },
  )
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await said.promise
  expect(clock.pending()).toBe(1)
  await end(socket, clock)
  await closed.promise
  expect(clock.pending()).toBe(0)
  socket.destroy()
})

test('a connection keeps no call that has its answer', async () => {
  const after = Promise.withResolvers<unknown[]>()
  await using server = await listen(async (client, _request, connection) => {
    expect(connection.calls).toEqual([client])
    client.whenClosed(() => after.resolve([...connection.calls]))
    client.answer(200, {}, '{}')
  })
  await (await fetch(server.url)).text()
  expect(await after.promise).toEqual([])
})

test('a client that is gone when its call begins has left it, and keeps no call', async () => {
  const reason = Promise.withResolvers<unknown>()
  await using server = await serve((request, response) => {
    request.socket.destroy()
    response.once('close', () => {
      const client = new HttpClientEnd(response, new Connection(), patient)
      client.whenClosed(() => reason.resolve(client.signal.reason))
    })
  })
  await expect(fetch(server.url)).rejects.toThrow()
  expect(await reason.promise).toMatchObject({ kind: 'client_gone' })
})

test('a client that does not read is waited for, and gets everything when it does', async () => {
  const full = Promise.withResolvers<number>()
  await using server = await listen(async (client) => {
    full.resolve(await fill(client))
    await client.drained()
    client.end('data: [DONE]\n\n')
  })
  const http = new Client(server.url)
  const { body } = await http.request({ path: '/', method: 'GET' })
  const written = await full.promise
  let bytes = 0
  for await (const piece of body) bytes += piece.length
  expect(bytes).toBe(written * largeEvent.length + 'data: [DONE]\n\n'.length)
  await http.close()
})
