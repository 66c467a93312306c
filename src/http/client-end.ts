// The client's end of a call: the response, and the one signal that the call is abandoned. The
// socket's closing is the only thing a leaving client says: neither `onResponse` nor
// `onRequestAbort` fires when it leaves in the middle of a stream.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Clock, Fault, type Timer } from '#domain'
import type { ClientEnd, Headers } from '#relay'

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
}

export interface Patience {
  clock: Clock
  /** How long the client may leave what was written unread. */
  slowClientMs: number
}

const streamHeaders: Headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // Proxies that gather a stream before passing it on make every token late.
  'x-accel-buffering': 'no',
}

export class HttpClientEnd implements ClientEnd {
  readonly #response: ServerResponse
  readonly #patience: Patience
  readonly #controller = new AbortController()
  readonly signal = this.#controller.signal

  constructor({ request, response }: Exchange, patience: Patience) {
    this.#response = response
    this.#patience = patience
    const others = callsOn(request.socket)
    others.add(this)
    response.once('close', () => {
      others.delete(this)
      this.leave()
    })
    if (response.destroyed || request.socket.destroyed) this.leave()
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
    this.#response.writeHead(200, { ...headers, ...streamHeaders })
  }

  write(text: string): boolean {
    return this.#response.write(text)
  }

  drained(): Promise<void> {
    const response = this.#response
    const { signal } = this
    return new Promise((resolve, reject) => {
      const timer = this.#patience.clock.after(this.#patience.slowClientMs, () =>
        this.abandon(tooSlow()),
      )
      const done = (settle: () => void) => () => {
        timer.cancel()
        response.off('drain', onDrain)
        signal.removeEventListener('abort', onAbort)
        settle()
      }
      const onDrain = done(resolve)
      const onAbort = done(() => reject(signal.reason))
      response.once('drain', onDrain)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
    })
  }

  end(text: string): void {
    this.#response.end(text)
    this.#cutIfUnread()
  }

  answer(status: number, headers: Headers, body: string): void {
    this.#response.writeHead(status, {
      ...headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
    })
    // As text it leaves in one piece with its headers.
    this.#response.end(body)
    this.#cutIfUnread()
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
 * The calls that run on a connection. A half-closed one leaves them all: node would end it anyway,
 * and the rest of the answers with it. One listener serves all calls of a connection: one for each
 * call, added and taken away again, cost 7 µs and made every call outlive the young generation.
 */
function callsOn(socket: Socket): Set<HttpClientEnd> {
  const known = callsBySocket.get(socket)
  if (known !== undefined) return known
  const calls = new Set<HttpClientEnd>()
  callsBySocket.set(socket, calls)
  socket.once('end', () => {
    for (const call of calls) call.leave()
  })
  return calls
}

const callsBySocket = new WeakMap<Socket, Set<HttpClientEnd>>()

function left(): Fault {
  return new Fault('client_gone', { message: 'The client left.', started: 'maybe' })
}

function tooSlow(): Fault {
  return new Fault('slow_client', { message: 'The client did not read.', started: 'maybe' })
}
