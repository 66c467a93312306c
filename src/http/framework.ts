// Opens fastify and node's HTTP server below it, with the limits of the configuration.
import fastify, { type FastifyInstance } from 'fastify'
import { newRequestId } from '#domain'
import type { Connections } from './connections.ts'
import type { Cors } from './cors.ts'
import { faultOfFramework } from './faults.ts'
import type { HttpPorts } from './ports.ts'
import { refuse } from './refusals.ts'

/** Longer than the idle time of the load balancers before us: they close first, not we. */
const keepAliveMs = 75_000

/** Routes check their input themselves. Without these, the framework would load its compilers. */
const noSchemas = { buildValidator: refuseSchema, buildSerializer: refuseSchema }

export function openFramework(
  ports: HttpPorts,
  connections: Connections,
  cors: Cors,
): FastifyInstance {
  const { options } = ports
  return fastify({
    genReqId: newRequestId,
    requestIdHeader: false,
    logger: false,
    return503OnClosing: false,
    trustProxy: options.trustProxy.length === 0 ? false : [...options.trustProxy],
    keepAliveTimeout: keepAliveMs,
    requestTimeout: options.requestMs,
    http: {
      headersTimeout: Math.min(options.headersMs, options.requestMs),
      maxHeaderSize: options.headerBytesMax,
      // How often node looks for late requests.
      connectionsCheckingInterval: Math.min(1_000, options.headersMs, options.requestMs),
      // We refuse it ourselves, with a body that says why.
      requireHostHeader: false,
    },
    clientErrorHandler: connections.broke,
    frameworkErrors: (error, request, reply) => {
      connections.seen(request.raw, reply.raw)
      cors.greet(request.raw, reply.raw)
      refuse(faultOfFramework(error), request, reply, ports)
    },
    routerOptions: { maxParamLength: 512 },
    schemaController: { compilersFactory: noSchemas },
  })
}

function refuseSchema(): never {
  throw new Error('no route has a schema of the framework')
}
