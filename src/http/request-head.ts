// Refuses requests whose headers may mean one thing to us and another to the proxy before us, which
// is how requests are smuggled. Node has accepted them; of doubled headers it drops one in silence.
// Also reads a request's path and its ids.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { Fault } from '#domain'
import type { Connection, Connections } from './connections.ts'
import { notHttp, tooManyHeaders } from './faults.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What is known of its connection; null only before the first hook. */
    connection: Connection | null
  }
}

/** Of two of these, node takes the first, and the proxy before us perhaps the last. */
const singles = new Set(['host', 'authorization', 'content-type', 'content-encoding'])
const lengths = new Set([...singles].map((name) => name.length))

export function addHeadRules(
  app: FastifyInstance,
  connections: Connections,
  headersMax: number,
): void {
  // One more than allowed: node drops headers beyond its maximum without telling us.
  app.server.maxHeadersCount = headersMax + 1
  // Otherwise node sends `100 Continue` to everybody, and answers other expectations itself.
  app.server.on('checkContinue', app.routing)
  app.server.on('checkExpectation', app.routing)
  app.decorateRequest('connection', null)
  app.addHook('onRequest', (request, reply, done) => {
    const connection = connections.seen(request.raw, reply.raw)
    request.connection = connection
    // Node could not read an earlier request, or not in time: what follows it is not answered.
    if (connection.broken !== null) return void reply.hijack()
    const fault = faultOfHead(request.raw, headersMax)
    if (fault === null) return done()
    // If this request is framed wrongly, so is what follows it on the connection.
    reply.raw.shouldKeepAlive = false
    done(fault)
  })
}

function faultOfHead(request: IncomingMessage, headersMax: number): Fault | null {
  const { headers, rawHeaders, httpVersion } = request
  if (rawHeaders.length / 2 > headersMax) return tooManyHeaders()
  const double = hasRepeats(request) ? givenTwice(rawHeaders) : null
  if (double !== null) return malformed(`The header '${double}' is given twice.`, double)
  const coding = headers['transfer-encoding']
  if (httpVersion === '1.0') {
    if (coding === undefined) return null
    // Node reads chunks here, too; a proxy that knows 1.0 ends the request elsewhere.
    return malformed('HTTP/1.0 has no Transfer-Encoding.', 'transfer-encoding')
  }
  // Node's parser takes a request line without a version for HTTP/0.9.
  if (httpVersion !== '1.1') return new Fault('bad_request', { message: notHttp })
  if (headers.host === undefined) return malformed("The header 'host' is missing.", 'host')
  // Of `gzip, chunked`, node only undoes the chunks: the body would still be gzip.
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return malformed('The only Transfer-Encoding is chunked.', 'transfer-encoding')
  }
  const { expect } = headers
  if (expect === undefined || expect.toLowerCase() === '100-continue') return null
  return new Fault('unknown_expectation', {
    message: 'This gateway only knows Expect: 100-continue.',
    param: 'expect',
  })
}

/** Node keeps one member for each name: fewer members than headers mean that one came twice. */
function hasRepeats({ headers, rawHeaders }: IncomingMessage): boolean {
  let names = 0
  for (const _name in headers) names += 1
  return names < rawHeaders.length / 2
}

function givenTwice(rawHeaders: readonly string[]): string | null {
  let seen: Set<string> | null = null
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const raw = rawHeaders[at] ?? ''
    if (!lengths.has(raw.length)) continue
    const name = raw.toLowerCase()
    if (!singles.has(name)) continue
    seen ??= new Set()
    if (seen.has(name)) return name
    seen.add(name)
  }
  return null
}

function malformed(message: string, param: string): Fault {
  return new Fault('bad_request', { message, param })
}

/**
 * The path of a request, as the router reads it. A proxy may write the whole URL into the request
 * line; the route is the same.
 */
export function pathOf(target: string): string {
  const local = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '')
  return local.split(/[?#]/)[0] ?? ''
}

/** The id of an answer is always ours. */
export function addRequestId(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
}

/** The id that a client gave its request is kept beside ours, if it is short and harmless. */
export function clientRequestId(headers: IncomingHttpHeaders): string | null {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : null
}
