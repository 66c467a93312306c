// How a request is refused that never became a call: one envelope, one log line, one metric.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Fault } from '#domain'
import { faultHeaders } from '#relay'
import { errorEnvelope } from '#wire'
import { faultOfFramework, unknownUrl, wrongMethod } from './faults.ts'
import type { HttpPorts } from './ports.ts'
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
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? ''
    const allowed = methodsByPath.get(path)
    if (allowed === undefined) return refuse(unknownUrl(), request, reply, ports)
    reply.header('allow', [...allowed].join(', '))
    refuse(wrongMethod([...allowed].join(', ')), request, reply, ports)
  })
}

function refuse(
  fault: Fault,
  request: FastifyRequest,
  reply: FastifyReply,
  { refused }: HttpPorts,
): void {
  refused({
    requestId: request.id,
    clientRequestId: clientRequestId(request.headers),
    keyId: request.apiKey?.id ?? null,
    surface: request.routeOptions.config.surface ?? 'none',
    fault,
  })
  reply
    .code(fault.rule.status)
    .headers(faultHeaders(fault))
    .type('application/json; charset=utf-8')
    .send(errorEnvelope(fault))
}
