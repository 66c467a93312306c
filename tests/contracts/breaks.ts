// The contract's part on answers that break: no connection, no bytes, too few, too many.
import { createServer, type Server, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  answerWhole,
  beginStream,
  chunk,
  startUpstream,
  type UpstreamCall,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import {
  attempt,
  clientGone,
  failureOf,
  listen,
  meet,
  openSubject,
  type Subject,
  tornDown,
} from './subject.ts'

interface RawServer {
  url: string
  /** The next connection that was made. */
  connected: Promise<Socket>
}

/** A server below HTTP: it does with each connection what it is told. */
export async function startRaw(scheme: string, onSocket: (socket: Socket) => void = () => {}) {
  const sockets = new Set<Socket>()
  const { promise: connected, resolve } = Promise.withResolvers<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onSocket(socket)
    resolve(socket)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((closed) => server.close(closed))
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : null
  return { url: `${scheme}://127.0.0.1:${port}`, connected } satisfies RawServer
}

const unsent = { how: 'unsent', cancellation: 'none' }

export function breaksContract(subject: Subject): void {
  describe('no connection', () => {
    test('where nobody listens: unreachable, and provably nothing was sent', async () => {
      const server = await startUpstream()
      const { url } = server
      await server[Symbol.asyncDispose]()
      const one = attempt(openSubject(subject, url))
      expect(await failureOf(one)).toMatchObject({ kind: 'upstream_unreachable', started: 'no' })
      expect(await one.released).toEqual(unsent)
      expect(one.releases).toHaveLength(1)
    })

    test('in time: unreachable, and provably nothing was sent', async () => {
      // Its TLS never comes about: until it does, there is no connection.
      const { url } = await startRaw('https')
      const one = attempt(openSubject(subject, url, { connectMs: 30 }))
      expect(await failureOf(one)).toMatchObject({ kind: 'upstream_unreachable', started: 'no' })
      expect(await one.released).toEqual(unsent)
      expect(one.phases).toEqual(['connecting'])
    })

    test('yet does not hold up closing: what waits for it has been abandoned', async () => {
      const { url, connected } = await startRaw('https')
      const upstream = openSubject(subject, url, { connectMs: 60_000 })
      const one = attempt(upstream)
      await connected
      one.abandon(clientGone)
      await expect(one.answer).rejects.toBe(clientGone)
      await upstream.close()
      expect(one.releases).toEqual([unsent])
    })
  })

  describe('silence', () => {
    test('instead of an answer: the first byte is too late', async () => {
      const { server, upstream } = await meet(subject, () => {}, { firstByteMs: 30 })
      const one = attempt(upstream)
      expect(await failureOf(one)).toMatchObject({ kind: 'first_byte_timeout', started: 'maybe' })
      await (await server.nextCall()).closed
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('after the headers: the first event is too late, comments are none', async () => {
      const { server, upstream } = await meet(
        subject,
        (call) => {
          beginStream(call)
          call.response.write(': ping\n\n')
        },
        { firstByteMs: 30 },
      )
      const one = attempt(upstream)
      const { events, fault } = await listen(await one.answer)
      expect(events).toEqual([])
      expect(fault).toMatchObject({ kind: 'first_byte_timeout' })
      await (await server.nextCall()).closed
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('in the middle of a stream: it has stalled, after what it said', async () => {
      const { server, upstream } = await meet(
        subject,
        (call) => {
          beginStream(call)
          call.response.write(chunk('one') + chunk('two'))
        },
        { betweenChunksMs: 30 },
      )
      const one = attempt(upstream)
      const { events, fault } = await listen(await one.answer)
      expect(events).toHaveLength(2)
      expect(fault).toMatchObject({ kind: 'stalled', started: 'yes' })
      await (await server.nextCall()).closed
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('in the middle of a whole answer: the first byte is too late', async () => {
      const { upstream } = await meet(
        subject,
        ({ response }) => {
          response.writeHead(200, { 'content-type': 'application/json' }).write('{"choices":')
        },
        { firstByteMs: 30 },
      )
      const { events, fault } = await listen(await attempt(upstream, false).answer)
      expect(events).toEqual([])
      expect(fault).toMatchObject({ kind: 'first_byte_timeout' })
    })
  })

  describe('a cut', () => {
    test('before the headers: the work may have begun', async () => {
      const { upstream } = await meet(subject, ({ socket }) => void socket.destroy())
      const one = attempt(upstream)
      expect(await failureOf(one)).toMatchObject({ kind: 'upstream_cut', started: 'maybe' })
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('in the middle of a stream: after everything that was said', async () => {
      const count = 200
      const { upstream } = await meet(subject, (call) => {
        beginStream(call)
        const text = Array.from({ length: count }, (_, n) => chunk(`${n}`)).join('')
        call.response.write(text, () => void call.socket.end())
      })
      const one = attempt(upstream)
      const { events, fault } = await listen(await one.answer)
      expect(events).toHaveLength(count)
      expect(fault).toMatchObject({ kind: 'upstream_cut', started: 'yes' })
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('in the middle of a whole answer: nothing of it is told', async () => {
      const { upstream } = await meet(subject, (call: UpstreamCall) => {
        const body = wholeAnswer('Hello')
        const headers = { 'content-type': 'application/json', 'content-length': body.length }
        call.response.writeHead(200, headers)
        call.response.write(body.slice(0, -5), () => void call.socket.end())
      })
      const { events, fault } = await listen(await attempt(upstream, false).answer)
      expect(events).toEqual([])
      expect(fault).toMatchObject({ kind: 'upstream_cut' })
    })
  })

  describe('too much', () => {
    test('in one event', async () => {
      const { server, upstream } = await meet(
        subject,
        (call) => {
          beginStream(call)
          call.response.write(chunk('one') + chunk('x'.repeat(5000)))
        },
        { eventBytesMax: 1024 },
      )
      const one = attempt(upstream)
      const { events, fault } = await listen(await one.answer)
      expect(fault).toMatchObject({ kind: 'upstream_too_large', started: 'yes' })
      // What came before it in the same packet was good.
      expect(events).toMatchObject([{ kind: 'chunk' }, { kind: 'failed' }])
      await (await server.nextCall()).closed
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('in a whole answer', async () => {
      const body = wholeAnswer('x'.repeat(5000))
      const { server, upstream } = await meet(subject, (call) => answerWhole(call, body), {
        answerBytesMax: 1024,
      })
      const { events, fault } = await listen(await attempt(upstream, false).answer)
      expect(events.map(({ kind }) => kind)).toEqual(['failed'])
      expect(fault).toMatchObject({ kind: 'upstream_too_large' })
      await (await server.nextCall()).closed
    })
  })

  test('what is no HTTP is a cut, and not a word of it is told', async () => {
    const { url } = await startRaw('http', (socket) => {
      socket.once('data', () => socket.end('canary-5e1f of the upstream\r\n\r\n'))
    })
    const one = attempt(openSubject(subject, url))
    const fault = await failureOf(one)
    expect(fault).toMatchObject({ kind: 'upstream_cut', started: 'maybe' })
    expect(fault.message).not.toContain('canary')
    expect(inspect(fault.cause, { depth: 9 })).not.toContain('canary')
    expect(await one.released).toEqual(tornDown(subject))
  })
}
