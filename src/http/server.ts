// The door to the world, as a table of contents. Each line of `buildServer` is a file; a request
// passes them from top to bottom: id, guard, route.
import { lookup } from 'node:dns/promises'
import type { FastifyInstance } from 'fastify'
import { addAdmin } from './admin-door.ts'
import { createBodyBytes } from './body-bytes.ts'
import { createConnections, limitConnections, watchHeldBytes } from './connections.ts'
import { createCors } from './cors.ts'
import { createDrain, type Drain } from './drain.ts'
import { openFramework } from './framework.ts'
import { addGuard } from './guard.ts'
import { LargeBodies } from './large-bodies.ts'
import { type Listeners, openListeners } from './listeners.ts'
import { endCallsOfClosedKeys } from './live-calls.ts'
import { addModelRoutes } from './model-routes.ts'
import { addOwnKeyRoutes } from './own-key-routes.ts'
import type { HttpPorts } from './ports.ts'
import { addRefusals } from './refusals.ts'
import { addBodyParser } from './request-body.ts'
import { addHeadRules, addRequestId } from './request-head.ts'
import { addOperatorRoutes, addStatusRoutes } from './status-routes.ts'
import { addSurfaceRoute } from './surface-route.ts'

export interface HttpServer {
  /** The address it listens on. */
  listen(): Promise<{ url: string; port: number }>
  /** Lets calls finish until the limit, then ends them. */
  close(): Promise<void>
  liveCalls(): number
  /** Bytes that are written to clients and still wait in this process. */
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
  limitConnections(app.server, ports)
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
      // A name may have two addresses (localhost). For the second one, the framework would open a
      // server of its own, past all that watches this one.
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
