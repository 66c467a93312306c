// What happens on connections outside of any request: more of them than we take, and bytes that
// node cannot read as HTTP. Such bytes may come in the middle of a body, behind a request whose
// answer is still running, or first of all, and only then may an answer be written by hand:
// anywhere else it would land inside of another one.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Fault, newRequestId } from '#domain'
import { errorEnvelope } from '#wire'
import { faultOfParser, tooManyConnections } from './faults.ts'
import type { HttpPorts } from './ports.ts'

export interface Connections {
  /** A body is being read: it hears when its connection breaks down, until it says stop. */
  reading(socket: Socket, fail: (fault: Fault) => void): () => void
  /** The latest request of its connection. */
  seen(request: IncomingMessage, response: ServerResponse): void
  /** What node's parser refused. */
  broke(error: Error & { code?: string }, socket: Socket): void
  /** No more of them than this. */
  limit(server: Server, connectionsMax: number): void
}

/** How long a client may go on sending after it was told that it cannot be read. */
const lastBytesMs = 1_000

export function createConnections(ports: Pick<HttpPorts, 'refused' | 'clock'>): Connections {
  const readers = new WeakMap<Socket, (fault: Fault) => void>()
  const latest = new WeakMap<Socket, ServerResponse>()
  const broken = new WeakMap<Socket, Fault>()

  function note(fault: Fault): string {
    const requestId = newRequestId()
    ports.refused({ requestId, clientRequestId: null, keyId: null, surface: 'none', fault })
    return requestId
  }

  function answer(fault: Fault, socket: Socket): void {
    const body = errorEnvelope(fault)
    const head = [
      `HTTP/1.1 ${fault.rule.status} ${reasons[fault.rule.status] ?? 'Bad Request'}`,
      'connection: close',
      `x-request-id: ${note(fault)}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
    // Closed at once, with bytes unread, it would take the answer back.
    const timer = ports.clock.after(lastBytesMs, () => socket.destroy())
    socket.once('close', timer.cancel)
  }

  return {
    reading(socket, fail) {
      const fault = broken.get(socket)
      if (fault === undefined) readers.set(socket, fail)
      else queueMicrotask(() => fail(fault))
      // The next request's reading may have begun before this one's end is told.
      return () => {
        if (readers.get(socket) === fail) readers.delete(socket)
      }
    },
    seen: (request, response) => void latest.set(request.socket, response),
    broke(error, socket) {
      // The parser complains about every further packet as well.
      if (broken.has(socket)) return
      const fault = faultOfParser(error)
      broken.set(socket, fault)
      if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
      const before = latest.get(socket)
      if (before === undefined || (before.writableFinished && before.req.complete)) {
        return answer(fault, socket)
      }
      // Another request's bytes, or those of one that has its answer: nobody is left to be told.
      if (before.headersSent || before.req.complete) return void socket.destroy()
      before.shouldKeepAlive = false
      readers.get(socket)?.(fault)
    },
    limit(server, connectionsMax) {
      let isFull = false
      server.maxConnections = connectionsMax
      server.on('connection', (socket: Socket) => {
        isFull = false
        // Each request on it watches it, and there may be many at once.
        socket.setMaxListeners(0)
      })
      // Told once each time it fills up: whoever knocks in a loop must not fill the log as well.
      server.on('drop', () => {
        if (!isFull) note(tooManyConnections())
        isFull = true
      })
    },
  }
}

const reasons: Readonly<Record<number, string>> = {
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}
