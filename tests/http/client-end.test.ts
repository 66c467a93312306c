// How the events of a stream leave: framed by us, in order, whatever node holds back or waits for.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Client } from 'undici'
import { expect, test } from 'vitest'
import { systemClock } from '#src/domain/index.ts'
import { HttpClientEnd, type Patience } from '#src/http/client-end.ts'
import { Connection } from '#src/http/connections.ts'
import { createFakeClock } from '../support/fake-clock.ts'

type Speak = (client: HttpClientEnd, request: IncomingMessage) => Promise<void>

const patient: Patience = { clock: systemClock, slowClientMs: 30_000 }

/** A server whose every answer is what `speak` makes of it. */
async function listen(speak: Speak, patience: Patience = patient) {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const connection = new Connection()
    void speak(new HttpClientEnd({ request, response, connection }, patience), request)
  })
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
  const patience = {
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
  }, patience)
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
  while (!seen.ended) await clock.advance(patientMs)
  socket.destroy()
})

test('a client that does not read is waited for, and gets everything when it does', async () => {
  const event = `data: ${'x'.repeat(65_536)}\n\n`
  const full = Promise.withResolvers<void>()
  let written = 0
  await using server = await listen(async (client) => {
    client.begin({})
    // Further than the first events, which node sends by itself.
    for (let isTaken = true; isTaken || written < 100; written += 1) {
      isTaken = client.write(event)
      await nextTurn()
    }
    full.resolve()
    await client.drained()
    client.end('data: [DONE]\n\n')
  })
  const http = new Client(server.url)
  const { body } = await http.request({ path: '/', method: 'GET' })
  await full.promise
  let bytes = 0
  for await (const piece of body) bytes += piece.length
  expect(bytes).toBe(written * event.length + 'data: [DONE]\n\n'.length)
  await http.close()
})
