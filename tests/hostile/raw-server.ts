// A server below HTTP: it waits for a whole request and then puts on the socket what it is told, to
// the byte.
import { createServer, type Socket } from 'node:net'

/** Bytes that are said and left at that, or something to do with the socket. */
export type Says = string | Buffer | ((socket: Socket, request: string) => void)

export interface RawServer extends AsyncDisposable {
  url: string
  /** What it answers from now on. */
  says(says: Says): void
  requests(): number
  connections(): number
}

export async function startRawServer(): Promise<RawServer> {
  const sockets = new Set<Socket>()
  let says: Says = ''
  let requests = 0
  let connections = 0

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let received = ''
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString('latin1')
      const end = endOfRequest(received)
      if (end === null) return
      const request = received.slice(0, end)
      received = received.slice(end)
      requests += 1
      if (typeof says === 'function') says(socket, request)
      else socket.write(says)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : null
  return {
    url: `http://127.0.0.1:${port}`,
    says(next) {
      says = next
    },
    requests: () => requests,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function endOfRequest(text: string): number | null {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return null
  const length = Number(/content-length: (\d+)/i.exec(text.slice(0, headEnd))?.[1] ?? 0)
  const end = headEnd + 4 + length
  return text.length >= end ? end : null
}

export function head(status: string, ...lines: string[]): string {
  return [`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n')
}

export function chunked(body: string | Buffer): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ])
}

const lastPiece = '0\r\n\r\n'

export const streamHead = head(
  '200 OK',
  'Content-Type: text/event-stream; charset=utf-8',
  'Transfer-Encoding: chunked',
)

/** A stream in one piece that ends as HTTP has it. */
export function stream(body: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(streamHead), chunked(body), Buffer.from(lastPiece)])
}

/** A stream of which more is expected. */
export function openStream(body: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(streamHead), chunked(body)])
}

export function whole(body: string | Buffer, ...lines: string[]): Buffer {
  return answer('200 OK', body, 'Content-Type: application/json', ...lines)
}

export function answer(status: string, body: string | Buffer, ...lines: string[]): Buffer {
  const bytes = Buffer.from(body)
  const start = head(status, ...lines, `Content-Length: ${bytes.length}`)
  return Buffer.concat([Buffer.from(start), bytes])
}

/** Says the start, and then this again and again until nobody listens. */
export function neverStops(start: string | Buffer, piece: string | Buffer): Says {
  return (socket) => {
    const more = () => {
      if (!socket.destroyed) socket.write(piece, () => setImmediate(more))
    }
    socket.write(start, more)
  }
}
