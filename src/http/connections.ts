// What is known of each connection, and what happens when node cannot read its bytes as HTTP. Such
// bytes may come first of all, in the middle of a body, or behind a request whose answer is still
// running. Only where no answer is running is one written to the socket by hand: it would land
// inside of another one. Bytes behind a whole request take nothing from it: its answer goes out, as
// the last of the connection.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Fault, newRequestId } from '#domain'
import { errorEnvelope } from '#wire'
import { faultOfParser, tooManyConnections } from './faults.ts'
import type { HttpPorts } from './ports.ts'

/** What is known of one connection. Each of its requests holds it, so that none looks it up. */
export class Connection {
  /** The response to its latest request. */
  latest: ServerResponse | null = null
  /** Called when the connection breaks while a body is read from it. */
  reader: ((fault: Fault) => void) | null = null
  /** Why its bytes could not be read; null while they can. */
  broken: Fault | null = null
  /** The calls that run on it. */
  readonly calls: { leave(): void }[] = []
}

export interface Connections {
  /** Notes the latest request of a connection. */
  seen(request: IncomingMessage, response: ServerResponse): Connection
  /** Node's parser could not read what came. */
  broke(error: Error & { code?: string }, socket: Socket): void
}

/** How long a client may go on sending after it was told that it cannot be read. */
const lastBytesMs = 1_000

const reasons: Readonly<Record<number, string>> = {
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

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

  function answer(fault: Fault, socket: Socket): void {
    const body = errorEnvelope(fault)
    const requestId = noteWithoutRequest(fault, ports)
    const head = [
      `HTTP/1.1 ${fault.rule.status} ${reasons[fault.rule.status] ?? 'Bad Request'}`,
      'connection: close',
      `x-request-id: ${requestId}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
    // A socket that is closed with bytes unread is reset, and the answer may be lost.
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
      // The parser reports every further packet as well.
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
      // That request was already answered.
      if (before.headersSent) return void socket.destroy()
      before.shouldKeepAlive = false
      connection.reader?.(fault)
    },
  }
}

/** Notes a refusal for which there is no request; returns the id that it was given. */
function noteWithoutRequest(fault: Fault, { refused }: Pick<HttpPorts, 'refused'>): string {
  const requestId = newRequestId()
  refused({ requestId, clientRequestId: null, keyId: null, surface: 'none', fault })
  return requestId
}

/** A stray line end behind a request must not cut its answer, not even a stream. */
function endAfter(response: ServerResponse, socket: Socket): void {
  response.shouldKeepAlive = false
  // If the head is out already, it said that the connection stays open.
  response.once('finish', () => socket.destroySoon())
}

/**
 * A client that closes its half of the connection leaves all calls on it: node would end the
 * connection anyway, and the answers with it. One listener serves all calls: one for each call,
 * added and taken away again, cost 7 µs and made every call outlive the young generation.
 */
function leaveWhenHalfClosed(socket: Socket, { calls }: Connection): void {
  socket.once('end', () => {
    for (const call of [...calls]) call.leave()
  })
}

/** Takes at most so many connections at once, and closes any further one without an answer. */
export function limitConnections(server: Server, ports: HttpPorts): void {
  let open = 0
  let isFull = false
  server.on('connection', (socket: Socket) => {
    if (open >= ports.options.connectionsMax) {
      socket.destroy()
      // Noted once each time it fills up: a client that connects in a loop must not fill the log.
      if (!isFull) noteWithoutRequest(tooManyConnections(), ports)
      isFull = true
      return
    }
    isFull = false
    open += 1
    socket.once('close', () => {
      open -= 1
    })
    // Each request on the connection listens to it, and there may be many at once.
    socket.setMaxListeners(0)
  })
}

/**
 * The bytes that are written to clients and still wait in this process: what slow readers cost in
 * memory. They are added up only when somebody asks.
 */
export function watchHeldBytes(server: Server): () => number {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return () => {
    let bytes = 0
    for (const { writableLength } of sockets) bytes += writableLength
    return bytes
  }
}
