// How a request is refused that never became a call: one envelope, one log line, one metric.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Fault } from '#domain'
import { faultHeaders } from '#relay'
import { errorEnvelope } from '#wire'
import { faultOfFramework, unknownUrl, wrongMethod } from './faults.ts'
import type { HttpPorts } from './ports.ts'
import { forgetBody } from './request-body.ts'
import { clientRequestId } from './request-ids.ts'

export function addRefusals(app: FastifyInstance, ports: HttpPorts): void {
  const methodsByPath = new Map<string, Set<string>>()
  app.addHook('onRoute', (route) => {
    const methods = methodsByPath.get(route.url) ?? new Set()
    for (const method of [route.method].flat()) methods.add(method)
    methodsByPath.set(route.url, methods)
  })
  app.setErrorHandler((error, request, reply) => {
    refuse(faultOfFramework(error), request, reply, ports)
  })
  // Before a body is read: there is nobody to read it for.
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!request.is404) return done(null, payload)
    const path = request.url.split('?')[0] ?? ''
    const allowed = [...(methodsByPath.get(path) ?? [])].join(', ')
    if (allowed === '') return done(unknownUrl())
    reply.header('allow', allowed)
    done(wrongMethod(allowed))
  })
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
    fault,
  })
  // The framework hangs up whenever a body fails; only on a broken connection is that needed.
  if (reply.hasHeader('connection')) {
    reply.header('connection', reply.raw.shouldKeepAlive ? 'keep-alive' : 'close')
  }
  reply
    .code(fault.rule.status)
    .headers({ ...faultHeaders(fault), 'x-request-id': request.id })
    .type('application/json; charset=utf-8')
    .send(errorEnvelope(fault))
  forgetBody(request.raw, clock)
}
