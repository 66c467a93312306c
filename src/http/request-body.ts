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
/** The least that is made ready for a body. */
const roomMin = 16_384

export function addBodyParser(app: FastifyInstance, bodyBytes: BodyBytes): void {
  app.removeAllContentTypeParsers()
  app.decorateRequest('bodyShare', null)
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!hasBody(request)) return done(null, payload)
    try {
      const { bodyLimit } = request.routeOptions
      const bytes = declaredBytes(request)
      refuseUnread(request, bytes ?? 0, bodyLimit)
      const keyId = request.apiKey?.id ?? null
      const share = bodyBytes.open({ keyId, bytesMax: bodyLimit, declaredBytes: bytes })
      request.bodyShare = share
      // It closes once, and `once` would make two functions more.
      reply.raw.on('close', share.release)
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
  const bytesMax = bodyShare?.body.bytesMax ?? 0
  const declared = bodyShare?.body.declaredBytes ?? null
  let gathered: GatheredBytes | null = null
  let room = 0
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
      bodyShare?.take(piece.length)
      gather(piece)
    } catch (cause) {
      fail(cause)
    }
  }

  function gather(piece: Buffer): void {
    if (declared !== null && bytes > room) {
      const before = gathered?.whole()
      room = roomFor(bytes, declared)
      gathered = new GatheredBytes(room)
      if (before !== undefined) gathered.add(before)
    }
    gathered ??= new GatheredBytes()
    gathered.add(piece)
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

/**
 * As much as was told, where a good part of it is there; else what came and some more. Whoever only
 * tells of 20 MB must not make us hold them, and each byte is copied twice at most.
 */
function roomFor(bytes: number, declared: number): number {
  return Math.min(declared, Math.max(roomMin, 4 * bytes))
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
