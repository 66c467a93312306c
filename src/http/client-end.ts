// The client's end of a call: writes its response, and holds the one signal that the call is
// abandoned. When a client leaves in the middle of a stream, only the `close` of the response says
// so: fastify calls neither `onResponse` nor `onRequestAbort`.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { abortable, type Clock, Fault, type Timer } from '#domain'
import type { ClientEnd, Headers } from '#relay'
import type { Connection } from './connections.ts'

export interface UnreadLimit {
  clock: Clock
  /** How long the client may leave unread what was written. */
  slowClientMs: number
}

/** A larger body is written in pieces of this size. */
const pieceBytes = 65_536
/** However steadily it is read, a large body may take this many times `slowClientMs` in all. */
const pourFactor = 10

const streamHeaders: Headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // A proxy that gathers a stream before passing it on makes every token late.
  'x-accel-buffering': 'no',
}

export class HttpClientEnd implements ClientEnd {
  readonly #response: ServerResponse
  readonly #unread: UnreadLimit
  readonly #connection: Connection
  readonly #controller = new AbortController()
  readonly signal = this.#controller.signal
  #whenClosed: (() => void) | null = null
  /** The headers are out, and events leave as chunks of HTTP. */
  #isFlowing = false

  constructor(response: ServerResponse, connection: Connection, unread: UnreadLimit) {
    this.#response = response
    this.#unread = unread
    this.#connection = connection
    connection.calls.push(this)
    // It closes once anyway, and `once` would make two functions more.
    response.on('close', () => this.#close())
    if (response.destroyed || response.req.socket.destroyed) this.leave()
  }

  #close(): void {
    const { calls } = this.#connection
    const at = calls.indexOf(this)
    if (at !== -1) calls.splice(at, 1)
    this.leave()
    this.#whenClosed?.()
  }

  /** Calls back once the client has taken the last bytes, or is gone. */
  whenClosed(then: () => void): void {
    if (this.#response.closed) then()
    else this.#whenClosed = then
  }

  get hasBegun(): boolean {
    return this.#response.headersSent
  }

  /** The connection is closed, or the client has closed its half. */
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
    // While corked, node holds back what came before, and a direct write would overtake it.
    const isFree = this.#isFlowing && response.writableCorked === 0
    if (!isFree || socket?.writable !== true) {
      // The first write sends the headers, too.
      this.#isFlowing = response.chunkedEncoding
      return response.write(text)
    }
    return writeChunk(socket, text)
  }

  drained(): Promise<void> {
    const response = this.#response
    const { clock, slowClientMs } = this.#unread
    return abortable(this.signal, (resolve) => {
      const timer = clock.after(slowClientMs, () => this.abandon(tooSlow()))
      // A response that waits for its turn on the connection has no socket yet.
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
    // Node sends text in one piece with the headers, and bytes in a piece of their own.
    response.end(body, encodingOf(body, bytes))
    this.#cutIfUnread()
  }

  /**
   * Writes a large body piece by piece, so that the client has `slowClientMs` to read each. Written
   * at once, all of it would have to be read in that time, however steadily the client reads.
   */
  async #pour(body: Buffer): Promise<void> {
    const response = this.#response
    const { clock, slowClientMs } = this.#unread
    const untilTicksMs = clock.ticksMs() + slowClientMs * pourFactor
    try {
      for (let at = 0; at < body.length; at += pieceBytes) {
        if (!response.write(body.subarray(at, at + pieceBytes))) await this.drained()
        if (clock.ticksMs() > untilTicksMs) throw tooSlow()
      }
      response.end()
      this.#cutIfUnread()
    } catch {
      // The client left, or reads too slowly.
      this.cut()
    }
  }

  cut(): void {
    this.#response.destroy()
  }

  /** The last bytes, too, are held only for `slowClientMs` if the client does not read them. */
  #cutIfUnread(): void {
    const response = this.#response
    if (response.writableFinished || response.writableLength === 0) return
    const { clock, slowClientMs } = this.#unread
    const timer: Timer = clock.after(slowClientMs, () => response.destroy())
    response.once('close', () => timer.cancel())
  }
}

/**
 * Writes one chunk of a chunked response with its frame. Node writes the length, the text and the
 * line ends one by one, which takes 12 µs for an event where this takes 5. Node still writes the
 * beginning and the end of the response, in the same order on the same socket.
 */
function writeChunk(socket: Socket, text: string): boolean {
  const bytes = Buffer.byteLength(text)
  return socket.write(`${bytes.toString(16)}\r\n${text}\r\n`, encodingOf(text, bytes))
}

/** As many bytes as characters: the text is ASCII, and latin1 copies it without encoding. */
function encodingOf(text: string, bytes: number): 'latin1' | 'utf8' {
  return bytes === text.length ? 'latin1' : 'utf8'
}

function left(): Fault {
  return new Fault('client_gone', { message: 'The client left.', started: 'maybe' })
}

function tooSlow(): Fault {
  return new Fault('slow_client', { message: 'The client did not read.', started: 'maybe' })
}
