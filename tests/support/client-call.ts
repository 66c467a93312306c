// A client on a socket of its own, which can leave in each of the ways that real ones do, and whose
// answer is told by events: the head came, a text was seen, the body ended whole or cut.
import { type IncomingMessage, request as openRequest } from 'node:http'
import type { Socket } from 'node:net'

export interface ClientCall {
  head: Promise<IncomingMessage>
  /** Resolves once the body holds this; rejects when the answer ends without it. */
  seen(part: string): Promise<void>
  text(): string
  ended: Promise<'whole' | 'cut'>
  /** The connection is open and the request is on it. */
  socket: Promise<Socket>
  /** Begins to read, for a client that did not. */
  read(): void
  leave(how: Leaving): void
}

/** Closed for good, with a reset, or half: a FIN only. */
export type Leaving = 'close' | 'reset' | 'half-close'

export interface ClientOptions {
  headers?: Record<string, string>
  /** False: nothing is read until `read`. */
  reads?: boolean
}

export function openCall(url: string, body: string, options: ClientOptions = {}): ClientCall {
  const { headers = {}, reads = true } = options
  const { promise: head, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const { promise: ended, resolve: end } = Promise.withResolvers<'whole' | 'cut'>()
  const socket = Promise.withResolvers<Socket>()
  const waiting = new Set<() => void>()
  let text = ''
  let isOver = false
  const tell = () => {
    for (const look of waiting) look()
  }
  const over = (how: 'whole' | 'cut') => {
    isOver = true
    end(how)
    tell()
  }
  const request = openRequest(url, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json', ...headers },
  })
  request.on('socket', (one) => one.once('connect', () => socket.resolve(one)))
  request.on('error', (error) => {
    reject(error)
    over('cut')
  })
  const read = (response: IncomingMessage) => {
    response.setEncoding('utf8')
    response.on('data', (piece: string) => {
      text += piece
      tell()
    })
  }
  request.on('response', (response) => {
    response.on('error', () => {})
    response.on('close', () => over(response.complete ? 'whole' : 'cut'))
    if (reads) read(response)
    resolve(response)
  })
  head.catch(() => {})
  request.end(body)
  return {
    head,
    ended,
    socket: socket.promise,
    text: () => text,
    read: () => void head.then(read, () => {}),
    seen: (part) =>
      new Promise((found, missed) => {
        const look = () => {
          if (!text.includes(part) && !isOver) return
          waiting.delete(look)
          if (text.includes(part)) found()
          else missed(new Error(`the answer ended without ${part}: ${text}`))
        }
        waiting.add(look)
        look()
      }),
    leave(how) {
      const { socket: open } = request
      // Before it has a connection, a client can leave in one way only.
      if (open === null || how === 'close') request.destroy()
      else if (how === 'reset') open.resetAndDestroy()
      else open.end()
    },
  }
}

/** The JSON of each event of a stream, and whether `[DONE]` was said. */
export function eventsOf(text: string): { events: Record<string, unknown>[]; isDone: boolean } {
  const data = text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice('data: '.length))
  const isDone = data.at(-1) === '[DONE]'
  return { events: data.filter((one) => one !== '[DONE]').map((one) => JSON.parse(one)), isDone }
}

/** All content of a stream's first choice. */
export function contentOf(text: string): string {
  return eventsOf(text)
    .events.map((event) => {
      const [choice] = (event.choices ?? []) as { delta: { content?: string | null } }[]
      return choice?.delta.content ?? ''
    })
    .join('')
}
