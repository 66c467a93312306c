// The client's end of a call: the response, and the one signal that the call is abandoned. The
// socket's closing is the only thing a leaving client says: neither `onResponse` nor
// `onRequestAbort` fires when it leaves in the middle of a stream.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { abortable, type Clock, Fault, type Timer } from '#domain'
import type { ClientEnd, Headers } from '#relay'
import type { Connection } from './connections.ts'

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  connection: Connection
}

export interface Patience {
  clock: Clock
  /** How long the client may leave what was written unread. */
  slowClientMs: number
}

/** What leaves at once. */
const pieceBytes = 65_536
/** However steadily: so many times what may be left unread once. */
const pourFactor = 10

const streamHeaders: Headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // Proxies that gather a stream before passing it on make every token late.
  'x-accel-buffering': 'no',
}

export class HttpClientEnd implements ClientEnd {
  readonly #response: ServerResponse
  readonly #patience: Patience
  readonly #connection: Connection
  readonly #controller = new AbortController()
  readonly signal = this.#controller.signal
  #isClosed = false
  #whenClosed: (() => void) | null = null
  /** The headers are out, and what follows are chunks of HTTP. */
  #isFlowing = false

  constructor({ request, response, connection }: Exchange, patience: Patience) {
    this.#response = response
    this.#patience = patience
    this.#connection = connection
    connection.calls.push(this)
    // It closes once, and `once` would make two functions more.
    response.on('close', () => this.#close())
    if (response.destroyed || request.socket.destroyed) this.leave()
  }

  #close(): void {
    this.#isClosed = true
    const { calls } = this.#connection
    const at = calls.indexOf(this)
    if (at !== -1) calls.splice(at, 1)
    this.leave()
    this.#whenClosed?.()
  }

  /** The last words may be on their way for as long as the client takes to read them. */
  whenClosed(then: () => void): void {
    if (this.#isClosed) then()
    else this.#whenClosed = then
  }

  get hasBegun(): boolean {
    return this.#response.headersSent
  }

  /** The connection, or the client's half of it, is closed. */
  leave(): void {
    if (!this.#response.writableFinished) this.abandon(left())
  }

  abandon(fault: Fault): void {
    if (!this.signal.aborted) this.#controller.abort(fault)
  }

  begin(headers: Headers): void {
    this.#response.writeHead(200, Object.assign(headers, streamHeaders))
  }

  write(text: string): boolean {
    const response = this.#response
    const { socket } = response
    // What node still holds back, to send it together, must not be overtaken.
    const isFree = this.#isFlowing && response.writableCorked === 0
    if (!isFree || socket?.writable !== true) {
      // The first of them takes the headers with it.
      this.#isFlowing = response.chunkedEncoding
      return response.write(text)
    }
    return writeChunk(socket, text)
  }

  drained(): Promise<void> {
    const response = this.#response
    return abortable(this.signal, (resolve) => {
      const timer = this.#patience.clock.after(this.#patience.slowClientMs, () =>
        this.abandon(tooSlow()),
      )
      // An answer that waits for its turn on the connection has no socket yet.
      const { socket } = response
      const onDrain = () => resolve()
      response.once('drain', onDrain)
      socket?.once('drain', onDrain)
      return () => {
        timer.cancel()
        response.off('drain', onDrain)
        socket?.off('drain', onDrain)
      }
    })
  }

  end(text: string): void {
    this.#response.end(text)
    this.#cutIfUnread()
  }

  answer(status: number, headers: Headers, body: string): void {
    headers['content-type'] = 'application/json; charset=utf-8'
    const bytes = Buffer.byteLength(body)
    headers['content-length'] = String(bytes)
    const response = this.#response
    response.writeHead(status, headers)
    if (bytes > pieceBytes && response.socket !== null) return void this.#pour(Buffer.from(body))
    // As text it leaves in one piece with its headers.
    response.end(body, encodingOf(body, bytes))
    this.#cutIfUnread()
  }

  /**
   * A large body, piece by piece: each has its time to be read. All at once would have to be read
   * in the time that one may be left unread, however steadily the client reads.
   */
  async #pour(body: Buffer): Promise<void> {
    const response = this.#response
    const { clock, slowClientMs } = this.#patience
    const untilTicksMs = clock.ticksMs() + slowClientMs * pourFactor
    try {
      for (let at = 0; at < body.length; at += pieceBytes) {
        if (!response.write(body.subarray(at, at + pieceBytes))) await this.drained()
        if (clock.ticksMs() > untilTicksMs) throw tooSlow()
      }
      response.end()
      this.#cutIfUnread()
    } catch {
      // It left, or reads no more.
      this.cut()
    }
  }

  cut(): void {
    this.#response.destroy()
  }

  /** The last words, too, are held only so long for somebody who does not read them. */
  #cutIfUnread(): void {
    const response = this.#response
    if (response.writableFinished || response.writableLength === 0) return
    const { clock, slowClientMs } = this.#patience
    const timer: Timer = clock.after(slowClientMs, () => response.destroy())
    response.once('close', () => timer.cancel())
  }
}

/**
 * One chunk of a chunked answer, framed by us: node writes its length, its text and its line ends
 * one by one, which takes 12 µs for an event where this takes 5. The answer itself still begins and
 * ends by node's hand, in the same order on the same socket.
 */
function writeChunk(socket: Socket, text: string): boolean {
  const bytes = Buffer.byteLength(text)
  return socket.write(`${bytes.toString(16)}\r\n${text}\r\n`, encodingOf(text, bytes))
}

/** Where every byte is a character, they need only be copied. */
function encodingOf(text: string, bytes: number): 'latin1' | 'utf8' {
  return bytes === text.length ? 'latin1' : 'utf8'
}

function left(): Fault {
  return new Fault('client_gone', { message: 'The client left.', started: 'maybe' })
}

function tooSlow(): Fault {
  return new Fault('slow_client', { message: 'The client did not read.', started: 'maybe' })
}
