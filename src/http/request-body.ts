// Reads request bodies as bytes and leaves them so, because the surface parses them once. What the
// headers show to be wrong (size, encoding, charset) is refused before a byte is read; the rest as
// soon as it shows.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asFault } from '#domain'
import { GatheredBytes } from '#wire'
import type { BodyBytes, BodyShare } from './body-bytes.ts'
import { aborted, bodyTooLarge, wrongCharset, wrongEncoding } from './faults.ts'

declare module 'fastify' {
  interface FastifyRequest {
    bodyShare: BodyShare | null
  }
}

/** The least memory that is made ready for a body of a declared length. */
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
      // It closes once anyway, and `once` would make two functions more.
      reply.raw.on('close', share.release)
    } catch (cause) {
      return done(cause instanceof Error ? cause : null)
    }
    // Only after these checks: a client that asks first need not send what would be refused.
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

/** null: the client did not declare them; they are counted as they come. */
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
  let room = roomFor(0, declared)
  /** null: the reading is over, however it ended. */
  let gathered: GatheredBytes | null = new GatheredBytes(room)

  function end(cause: Error | null, body?: Buffer): void {
    if (gathered === null) return
    gathered = null
    // The next request of the connection may already be the one that is read.
    if (connection?.reader === fail) connection.reader = null
    done(cause, body)
  }

  function fail(cause: unknown): void {
    end(asFault(cause))
  }

  function take(piece: Buffer): void {
    if (gathered === null) return
    const bytes = gathered.byteCount + piece.length
    try {
      if (bytes > bytesMax) throw bodyTooLarge()
      bodyShare?.take(piece.length)
      if (room !== null && bytes > room) {
        room = roomFor(bytes, declared)
        const before = gathered.whole()
        gathered = new GatheredBytes(room)
        gathered.add(before)
      }
      gathered.add(piece)
    } catch (cause) {
      fail(cause)
    }
  }

  // No listener is taken off again: that costs as much as adding it, and the request ends anyway.
  raw.on('data', take)
  raw.on('end', () => end(null, gathered?.whole()))
  raw.on('close', () => {
    if (gathered !== null) fail(aborted())
  })
  if (connection === null) return
  if (connection.broken === null) connection.reader = fail
  // If the body is whole, the connection broke behind it.
  else if (!raw.complete) queueMicrotask(() => fail(connection.broken))
}

/**
 * The declared length once a good part of it has come; before that, some times what has come. A
 * client that only declares 20 MB must not make us hold them. All copies of a body together are
 * less than twice its bytes.
 */
function roomFor(bytes: number, declared: number | null): number | null {
  return declared === null ? null : Math.min(declared, Math.max(roomMin, 4 * bytes))
}
