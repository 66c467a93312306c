// Reads request bodies: bytes they come as and bytes they stay, because the surface that they are
// for parses them once. What the headers give away (size, coding, charset) is refused before a byte
// is read; what they do not, when it shows.
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asFault, type Clock } from '#domain'
import { GatheredBytes } from '#wire'
import type { BodyBytes, BodyShare } from './body-bytes.ts'
import { aborted, bodyTooLarge, wrongCharset, wrongEncoding } from './faults.ts'

declare module 'fastify' {
  interface FastifyRequest {
    bodyShare: BodyShare | null
  }
}

/** How long a client may go on sending a body that was refused, before it is cut off. */
const unreadMs = 1_000

export function addBodyParser(app: FastifyInstance, bodyBytes: BodyBytes): void {
  app.removeAllContentTypeParsers()
  app.decorateRequest('bodyShare', null)
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!hasBody(request)) return done(null, payload)
    try {
      const { bodyLimit } = request.routeOptions
      const bytes = declaredBytes(request)
      refuseUnread(request, bytes ?? 0, bodyLimit)
      const share = bodyBytes.open(bodyLimit, bytes)
      request.bodyShare = share
      // It closes once, and `once` would make two functions more.
      reply.raw.on('close', share.release)
      share.take(bytes ?? 0)
    } catch (cause) {
      return done(cause instanceof Error ? cause : null)
    }
    // Only now: a client that asks first is spared sending what would be refused.
    if (asksFirst(request)) reply.raw.writeContinue()
    done(null, payload)
  })
  app.addContentTypeParser('application/json', (request, _payload, done) => {
    readBody(request, done)
  })
}

function hasBody({ headers }: FastifyRequest): boolean {
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

function asksFirst({ headers, raw }: FastifyRequest): boolean {
  return headers.expect !== undefined && raw.httpVersion === '1.1'
}

function refuseUnread({ headers }: FastifyRequest, bytes: number, bodyLimit: number): void {
  const { 'content-encoding': encoding, 'content-type': type } = headers
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw wrongEncoding()
  if (type?.includes(';') === true) refuseCharset(type)
  if (bytes > bodyLimit) throw bodyTooLarge()
}

function refuseCharset(type: string): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1]
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) throw wrongCharset()
}

/** null: the client did not say, and its chunks are counted as they come. */
function declaredBytes({ headers }: FastifyRequest): number | null {
  const length = headers['content-length']
  return length === undefined ? null : Number(length)
}

function readBody(
  request: FastifyRequest,
  done: (cause: Error | null, body?: Buffer) => void,
): void {
  const { raw, bodyShare, connection } = request
  const bytesMax = bodyShare?.bytesMax ?? 0
  const declared = bodyShare?.declaredBytes ?? null
  let gathered: GatheredBytes | null = null
  let bytes = 0
  let isOver = false

  function end(cause: Error | null, body?: Buffer): void {
    if (isOver) return
    isOver = true
    gathered = null
    // The next request's reading may have begun before this one's end is told.
    if (connection?.reader === fail) connection.reader = null
    done(cause, body)
  }

  function fail(cause: unknown): void {
    end(asFault(cause))
  }

  function take(piece: Buffer): void {
    if (isOver) return
    bytes += piece.length
    try {
      if (bytes > bytesMax) throw bodyTooLarge()
      if (declared === null) bodyShare?.take(piece.length)
      gathered ??= new GatheredBytes(declared)
      gathered.add(piece)
    } catch (cause) {
      fail(cause)
    }
  }

  // None is taken off again: each costs as much as it does to add, and the request ends anyway.
  raw.on('data', take)
  raw.on('end', () => end(null, gathered?.whole()))
  raw.on('close', () => {
    if (!isOver) fail(aborted())
  })
  if (connection === null) return
  if (connection.broken === null) connection.reader = fail
  // What broke behind a whole body is no fault of it.
  else if (!raw.complete) queueMicrotask(() => fail(connection.broken))
}

/** Node reads a refused body to its end, or its client would not hear why; but only for a time. */
export function forgetBody(raw: IncomingMessage, clock: Clock, then = () => {}): void {
  if (raw.complete) return then()
  const timer = clock.after(unreadMs, () => {
    if (!raw.complete) raw.socket.destroy()
  })
  const over = () => {
    timer.cancel()
    then()
  }
  raw.once('end', over)
  raw.once('close', over)
}
