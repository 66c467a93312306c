// The door to the world, as a table of contents. Each line is a file; a request passes them from
// top to bottom: id, guard, route.
import { lookup } from 'node:dns/promises'
import fastify, { type FastifyInstance } from 'fastify'
import { newRequestId } from '#domain'
import { addAdmin } from './admin-door.ts'
import { createBodyBytes } from './body-bytes.ts'
import { endCallsOfClosedKeys } from './closed-keys.ts'
import { type Connections, createConnections } from './connections.ts'
import { type Cors, createCors } from './cors.ts'
import { createDrain, type Drain } from './drain.ts'
import { faultOfFramework } from './faults.ts'
import { addGuard } from './guard.ts'
import { watchHeldBytes } from './held-bytes.ts'
import { LargeBodies } from './large-bodies.ts'
import { type Listeners, openListeners } from './listeners.ts'
import { addModelRoutes } from './model-routes.ts'
import { addOperatorRoutes } from './operator-routes.ts'
import { addOwnKeyRoutes } from './own-key-routes.ts'
import type { HttpPorts } from './ports.ts'
import { addRefusals, refuse } from './refusals.ts'
import { addBodyParser } from './request-body.ts'
import { addHeadRules } from './request-head.ts'
import { addStatusRoutes } from './status-routes.ts'
import { addSurfaceRoute } from './surface-route.ts'

/** Longer than the idle time of the load balancers before us: they close first, not we. */
const keepAliveMs = 75_000

/** Routes check what they are given themselves; the framework would load its compilers for it. */
const noSchemas = { buildValidator: refuseSchema, buildSerializer: refuseSchema }

export interface HttpServer {
  /** The address it listens on. */
  listen(): Promise<{ url: string; port: number }>
  /** Lets calls finish until the limit, then ends them. */
  close(): Promise<void>
  liveCalls(): number
  /** Written to clients, and not yet taken by their sockets. */
  heldBytes(): number
  /** Every method and path that is answered, such as `GET /health`. */
  routes: readonly string[]
}

export async function buildServer(ports: HttpPorts): Promise<HttpServer> {
  const { options, clock } = ports
  const bodyBytes = createBodyBytes(options.inflightBodyBytesMax)
  const drain = createDrain(clock, bodyBytes)
  const connections = createConnections(ports)
  const cors = createCors(options.corsOrigins)
  const app = openFramework(ports, connections, cors)
  const routes = listRoutes(app)
  connections.limit(app.server, options.connectionsMax)
  addRequestId(app)
  cors.greetAll(app)
  addHeadRules(app, connections, options.headersMax)
  addRefusals(app, ports, connections)
  addBodyParser(app, bodyBytes)
  cors.answerPreflights(app, clock)
  await addGuard(app, ports)
  const shared = { drain, largeBodies: new LargeBodies(clock) }
  for (const surface of ports.surfaces) addSurfaceRoute(app, surface, ports, shared)
  addModelRoutes(app, ports)
  addStatusRoutes(app, ports, drain)
  addOperatorRoutes(app, ports)
  addOwnKeyRoutes(app, ports)
  await addAdmin(app, ports)
  return serverOf(app, ports, drain, routes)
}

function openFramework(ports: HttpPorts, connections: Connections, cors: Cors): FastifyInstance {
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
      // Node looks only so often who is late.
      connectionsCheckingInterval: Math.min(1_000, options.headersMs, options.requestMs),
      // Refused by us, with a body that says why.
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

function serverOf(
  app: FastifyInstance,
  ports: HttpPorts,
  drain: Drain,
  routes: readonly string[],
): HttpServer {
  const { options } = ports
  const watching = endCallsOfClosedKeys(drain.calls, ports)
  let listeners: Listeners | null = null
  return {
    routes,
    async listen() {
      // Where a name has two addresses (localhost), the framework opens a second server for the
      // other one, of which nothing that watches this one would know.
      const { address } = await lookup(options.host, { order: 'ipv4first' })
      listeners = await openListeners(app, { host: address, port: options.port })
      return listeners
    },
    async close() {
      await drain.run(app.server, options.drainMs)
      listeners?.close()
      watching[Symbol.dispose]()
      await app.close()
    },
    liveCalls: drain.calls.count,
    heldBytes: watchHeldBytes(app.server),
  }
}

function listRoutes(app: FastifyInstance): readonly string[] {
  const routes: string[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push(`${one} ${url}`)
  })
  return routes
}

function addRequestId(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
}

function refuseSchema(): never {
  throw new Error('no route has a schema of the framework')
}
