// What happens on connections outside of any request: more of them than we take, and bytes that
// node cannot read as HTTP. Such bytes may come in the middle of a body, behind a request whose
// answer is still running, or first of all, and only then may an answer be written by hand:
// anywhere else it would land inside of another one. What is behind a whole request takes nothing
// from it: its answer goes out, as the last of its connection.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Fault, newRequestId } from '#domain'
import { errorEnvelope } from '#wire'
import { faultOfParser, tooManyConnections } from './faults.ts'
import type { HttpPorts } from './ports.ts'

/** What is known of one connection: kept with each of its requests, so that none looks for it. */
export class Connection {
  latest: ServerResponse | null = null
  /** Whoever reads a body hears when the connection breaks down. */
  reader: ((fault: Fault) => void) | null = null
  broken: Fault | null = null
  /** The calls that run on it. */
  readonly calls: { leave(): void }[] = []
}

export interface Connections {
  /** The latest request of its connection. */
  seen(request: IncomingMessage, response: ServerResponse): Connection
  /** What node's parser refused. */
  broke(error: Error & { code?: string }, socket: Socket): void
  /** No more of them than this. */
  limit(server: Server, connectionsMax: number): void
}

/** How long a client may go on sending after it was told that it cannot be read. */
const lastBytesMs = 1_000

export function createConnections(ports: Pick<HttpPorts, 'refused' | 'clock'>): Connections {
  const known = new WeakMap<Socket, Connection>()

  function connectionOf(socket: Socket): Connection {
    let connection = known.get(socket)
    if (connection === undefined) {
      connection = new Connection()
      known.set(socket, connection)
      leaveWhenHalfClosed(socket, connection)
    }
    return connection
  }

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
    socket.once('close', () => timer.cancel())
  }

  return {
    seen(request, response) {
      const connection = connectionOf(request.socket)
      connection.latest = response
      return connection
    },
    broke(error, socket) {
      const connection = connectionOf(socket)
      // The parser complains about every further packet as well.
      if (connection.broken !== null) return
      const fault = faultOfParser(error)
      connection.broken = fault
      if (error.code === 'ECONNRESET') return void socket.destroy()
      if (!socket.writable) return void socket.destroySoon()
      const before = connection.latest
      if (before === null || (before.writableFinished && before.req.complete)) {
        return answer(fault, socket)
      }
      if (before.req.complete) return endAfter(before, socket)
      // The bytes of one that has its answer: nobody is left to be told.
      if (before.headersSent) return void socket.destroy()
      before.shouldKeepAlive = false
      connection.reader?.(fault)
    },
    limit(server, connectionsMax) {
      let open = 0
      let isFull = false
      server.on('connection', (socket: Socket) => {
        if (open >= connectionsMax) {
          socket.destroy()
          // Told once each time it fills up: whoever knocks in a loop must not fill the log.
          if (!isFull) note(tooManyConnections())
          isFull = true
          return
        }
        isFull = false
        open += 1
        socket.once('close', () => {
          open -= 1
        })
        // Each request on it watches it, and there may be many at once.
        socket.setMaxListeners(0)
      })
    },
  }
}

/** A stray line end behind a request must not cost a running answer; a stream is not cut for it. */
function endAfter(response: ServerResponse, socket: Socket): void {
  response.shouldKeepAlive = false
  // Where the head is out already, it said that the connection stays.
  response.once('finish', () => socket.destroySoon())
}

/**
 * A half-closed connection leaves all of its calls: node would end it anyway, and the rest of the
 * answers with it. One listener serves them all: one for each call, added and taken away again,
 * cost 7 µs and made every call outlive the young generation.
 */
function leaveWhenHalfClosed(socket: Socket, { calls }: Connection): void {
  socket.once('end', () => {
    for (const call of [...calls]) call.leave()
  })
}

const reasons: Readonly<Record<number, string>> = {
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}
