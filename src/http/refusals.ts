// How a request is refused that never became a call: one envelope, one log line, one metric.
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock, Fault } from '#domain'
import { faultHeaders } from '#relay'
import { errorEnvelope } from '#wire'
import { addressOf } from './addresses.ts'
import type { Connections } from './connections.ts'
import { faultOfFramework, unknownUrl, wrongMethod } from './faults.ts'
import type { HttpPorts } from './ports.ts'
import { forgetBody } from './request-body.ts'
import { clientRequestId } from './request-ids.ts'
import { pathOf } from './request-target.ts'

export function addRefusals(
  app: FastifyInstance,
  ports: HttpPorts,
  connections: Connections,
): void {
  const methodsAt = listMethods(app)
  app.setErrorHandler((error, request, reply) => {
    // No hook has seen it, so it is of another protocol, and so is what follows it.
    if (!request.connection) {
      connections.seen(request.raw, reply.raw)
      reply.raw.shouldKeepAlive = false
    }
    refuse(faultOfFramework(error), request, reply, ports)
  })
  // Before a body is read: there is nobody to read it for.
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!request.is404) return done(null, payload)
    const allowed = methodsAt(pathOf(request.url)).join(', ')
    if (allowed === '') return done(unknownUrl())
    reply.header('allow', allowed)
    done(wrongMethod(allowed))
  })
}

/** What the routes that match a path answer to. */
function listMethods(app: FastifyInstance): (path: string) => string[] {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  app.addHook('onRoute', ({ url, method }) => {
    const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set() }
    for (const one of [method].flat()) route.methods.add(one)
    routes.set(url, route)
  })
  return (path) => {
    // As the router reads it; what it could not read was refused before.
    const asRouted = decodeURI(path)
    const matching = [...routes.values()].filter(({ pattern }) => pattern.test(asRouted))
    const methods = new Set(matching.flatMap((route) => [...route.methods]))
    // Browsers may ask of any path; that alone does not make a route of it.
    return methods.size === 1 && methods.has('OPTIONS') ? [] : [...methods]
  }
}

/** `:id` is one part of a path, `*` is all of the rest. */
function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*'
    return part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('/')}$`, 's')
}

/** Also for addresses that are none: the framework refuses them before there is a route. */
export function refuse(
  fault: Fault,
  request: FastifyRequest,
  reply: FastifyReply,
  { refused, clock }: HttpPorts,
): void {
  refused({
    requestId: request.id,
    clientRequestId: clientRequestId(request.headers),
    keyId: request.apiKey?.id ?? null,
    surface: request.routeOptions.config?.surface ?? 'none',
    address: addressOf(request),
    fault,
  })
  // The framework's own refusals come before the request has anything of ours.
  const rates = request.rates ?? null
  // The framework hangs up whenever a body fails; only on a broken connection is that needed.
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

/** The connection closes with the answer, and its client may still be sending what is refused. */
function endsBeforeBody({ raw, connection }: FastifyRequest, reply: FastifyReply): boolean {
  const isReadable = (connection?.broken ?? null) === null
  return isReadable && !reply.raw.shouldKeepAlive && !raw.complete
}

/**
 * Closed with bytes unread, a connection takes back what was said on it, and many clients (Python's
 * own among them) read nothing before they have sent everything. So all is said at once, and the
 * answer's end comes after the body's.
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
