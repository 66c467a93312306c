// A client's connection, as cheap as it can be: the generator must never be what is slow. Reads just
// enough HTTP to know where an answer begins and ends.
import { connect, type Socket } from 'node:net'

interface AnswerSink {
  onHead?(status: number, head: string): void
  onBody?(bytes: Buffer): void
  onEnd(): void
  /** The connection is gone; `isMidAnswer` when an answer was not whole. */
  onClose?(isMidAnswer: boolean): void
}

export interface RawConnection {
  socket: Socket
  /** One answer at a time. */
  send(request: string | Buffer, sink: AnswerSink): void
}

type Phase = 'idle' | 'head' | 'body' | 'chunk-size' | 'chunk-end' | 'trailer'

const CRLF = '\r\n'

export function openConnection(port: number): RawConnection {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let phase: Phase = 'idle'
  let isChunked = false
  let bytesLeft = 0
  let rest: Buffer | null = null
  let sink: AnswerSink | null = null

  /** Each returns the place behind what it read, or -1 when more bytes are needed. */
  const readers: Record<Exclude<Phase, 'idle'>, (bytes: Buffer, at: number) => number> = {
    head(bytes, at) {
      const end = bytes.indexOf('\r\n\r\n', at)
      if (end === -1) return -1
      const head = bytes.toString('latin1', at, end)
      sink?.onHead?.(Number(head.slice(9, 12)), head)
      const length = /content-length: (\d+)/i.exec(head)?.[1]
      isChunked = length === undefined
      bytesLeft = Number(length ?? 0)
      phase = isChunked ? 'chunk-size' : 'body'
      return end + 4
    },
    body(bytes, at) {
      const end = Math.min(bytes.length, at + bytesLeft)
      if (end === at && bytesLeft > 0) return -1
      if (end > at) sink?.onBody?.(bytes.subarray(at, end))
      bytesLeft -= end - at
      if (bytesLeft > 0) return end
      if (isChunked) phase = 'chunk-end'
      else finish()
      return end
    },
    'chunk-size'(bytes, at) {
      const end = bytes.indexOf(CRLF, at)
      if (end === -1) return -1
      bytesLeft = Number.parseInt(bytes.toString('latin1', at, end), 16)
      phase = bytesLeft === 0 ? 'trailer' : 'body'
      return end + 2
    },
    'chunk-end'(bytes, at) {
      if (bytes.length - at < 2) return -1
      phase = 'chunk-size'
      return at + 2
    },
    trailer(bytes, at) {
      if (bytes.length - at < 2) return -1
      finish()
      return at + 2
    },
  }

  function finish(): void {
    phase = 'idle'
    const ended = sink
    sink = null
    ended?.onEnd()
  }

  socket.on('data', (piece: Buffer) => {
    const bytes = rest === null ? piece : Buffer.concat([rest, piece])
    rest = null
    let at = 0
    while (phase !== 'idle') {
      const next = readers[phase](bytes, at)
      if (next === -1) break
      at = next
    }
    if (at < bytes.length) rest = bytes.subarray(at)
  })
  // A killed gateway is what the crash run is about: closing is told by 'close'.
  socket.on('error', () => {})
  socket.on('close', () => {
    const cut = sink
    sink = null
    cut?.onClose?.(phase !== 'idle')
  })

  return {
    socket,
    send(request, nextSink) {
      sink = nextSink
      phase = 'head'
      socket.write(request)
    },
  }
}
