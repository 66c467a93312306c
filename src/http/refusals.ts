// Refuses requests that never became a call: with one envelope, one log line and one metric.
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock, Fault } from '#domain'
import { faultHeaders } from '#relay'
import { errorEnvelope } from '#wire'
import { addressOf } from './addresses.ts'
import type { Connections } from './connections.ts'
import { faultOfFramework, unknownUrl, wrongMethod } from './faults.ts'
import type { HttpPorts, Refusal } from './ports.ts'
import { clientRequestId, pathOf } from './request-head.ts'

export function addRefusals(
  app: FastifyInstance,
  ports: HttpPorts,
  connections: Connections,
): void {
  const methodsAt = listMethods(app)
  app.setErrorHandler((error, request, reply) => {
    // No hook has seen it, so it is not HTTP (RTSP, for one), and neither is what follows it.
    if (!request.connection) {
      connections.seen(request.raw, reply.raw)
      reply.raw.shouldKeepAlive = false
    }
    refuse(faultOfFramework(error), request, reply, ports)
  })
  // Before the body is read: no route would use it.
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!request.is404) return done(null, payload)
    const allowed = methodsAt(pathOf(request.url)).join(', ')
    if (allowed === '') return done(unknownUrl())
    reply.header('allow', allowed)
    done(wrongMethod(allowed))
  })
}

/** The methods of the routes that match a path. */
function listMethods(app: FastifyInstance): (path: string) => string[] {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  app.addHook('onRoute', ({ url, method }) => {
    const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set() }
    for (const one of [method].flat()) route.methods.add(one)
    routes.set(url, route)
  })
  return (path) => {
    // Decoded as the router does it; it has refused what cannot be decoded.
    const asRouted = decodeURI(path)
    const matching = [...routes.values()].filter(({ pattern }) => pattern.test(asRouted))
    const methods = new Set(matching.flatMap((route) => [...route.methods]))
    // Preflights are answered for any path of clients; that alone makes no route of it.
    return methods.size === 1 && methods.has('OPTIONS') ? [] : [...methods]
  }
}

/** `:id` stands for one part of a path, `*` for all of the rest. */
function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*'
    return part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('/')}$`, 's')
}

/** Also called for a malformed URL, which the framework refuses before there is a route. */
export function refuse(
  fault: Fault,
  request: FastifyRequest,
  reply: FastifyReply,
  { refused, clock }: HttpPorts,
): void {
  refused({ ...refusalOf(request, fault), address: addressOf(request) })
  // Not set yet when the framework refuses by itself, whatever the type says.
  const rates = request.rates ?? null
  // The framework closes the connection whenever a body fails; we only close a broken one.
  if (reply.hasHeader('connection')) {
    reply.header('connection', reply.raw.shouldKeepAlive ? 'keep-alive' : 'close')
  }
  reply
    .code(fault.rule.status)
    .headers({ ...faultHeaders(fault, rates), 'x-request-id': request.id })
    .type('application/json; charset=utf-8')
  const envelope = errorEnvelope(fault)
  if (endsBeforeBody(request, reply)) return sayAndRead(envelope, request, reply, clock)
  reply.send(envelope)
  forgetBody(request.raw, clock)
}

export function refusalOf(request: FastifyRequest, fault: Fault): Refusal {
  return {
    requestId: request.id,
    clientRequestId: clientRequestId(request.headers),
    keyId: request.apiKey?.id ?? null,
    surface: request.routeOptions.config?.surface ?? 'none',
    fault,
  }
}

/** Whether the connection closes with the answer while its client may still send the body. */
function endsBeforeBody({ raw, connection }: FastifyRequest, reply: FastifyReply): boolean {
  const isReadable = (connection?.broken ?? null) === null
  return isReadable && !reply.raw.shouldKeepAlive && !raw.complete
}

/**
 * A connection that is closed with bytes unread is reset, and its client may lose the answer. Many
 * clients (Python's own among them) read nothing before they have sent everything. So the whole
 * envelope is sent at once, and the answer ends after the body has.
 */
function sayAndRead(
  envelope: string,
  { raw }: FastifyRequest,
  reply: FastifyReply,
  clock: Clock,
): void {
  const said = new Readable({ read() {} })
  said.push(envelope)
  forgetBody(raw, clock, () => said.push(null))
  raw.resume()
  reply.header('content-length', Buffer.byteLength(envelope)).send(said)
}

/** How long a client may go on sending a body that was refused, before it is cut off. */
const unreadMs = 1_000

/**
 * The end of a body that was refused. Node takes the rest of it and drops it, because a client that
 * is still sending may not hear why it was refused; but only for a time.
 */
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
