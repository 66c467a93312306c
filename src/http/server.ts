// The door to the world, as a table of contents. Each line is a file; a request passes them from
// top to bottom: id, guard, route.
import fastify, { type FastifyInstance } from 'fastify'
import { newRequestId } from '#domain'
import { createDrain, type Drain } from './drain.ts'
import { addGuard } from './guard.ts'
import { addModelRoutes } from './model-routes.ts'
import { answerParserError } from './parser-errors.ts'
import type { HttpPorts } from './ports.ts'
import { addRefusals } from './refusals.ts'
import { addStatusRoutes } from './status-routes.ts'
import { addSurfaceRoute } from './surface-route.ts'

/** Longer than the idle time of the load balancers before us: they close first, not we. */
const keepAliveMs = 75_000

export interface HttpServer {
  /** The address it listens on. */
  listen(): Promise<{ url: string; port: number }>
  /** Lets calls finish until the limit, then ends them. */
  close(): Promise<void>
  liveCalls(): number
}

export async function buildServer(ports: HttpPorts): Promise<HttpServer> {
  const { options, clock } = ports
  const drain = createDrain(clock)
  const app = fastify({
    genReqId: newRequestId,
    requestIdHeader: false,
    logger: false,
    return503OnClosing: false,
    trustProxy: options.trustProxy.length === 0 ? false : [...options.trustProxy],
    keepAliveTimeout: keepAliveMs,
    requestTimeout: options.requestMs,
    clientErrorHandler: answerParserError,
    routerOptions: { maxParamLength: 512 },
  })
  addRequestId(app)
  addBodyParser(app)
  addRefusals(app, ports)
  await addGuard(app, ports)
  for (const surface of ports.surfaces) addSurfaceRoute(app, surface, ports, drain)
  addModelRoutes(app, ports)
  addStatusRoutes(app, ports, drain)
  return serverOf(app, ports, drain)
}

function serverOf(app: FastifyInstance, { options }: HttpPorts, drain: Drain): HttpServer {
  return {
    async listen() {
      const url = await app.listen({ host: options.host, port: options.port })
      return { url, port: Number(new URL(url).port) }
    },
    async close() {
      await drain.run(app.server, options.drainMs)
      await app.close()
    },
    liveCalls: drain.calls.count,
  }
}

function addRequestId(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
}

/** Bodies stay bytes: they are parsed once, by the surface that they are for. */
function addBodyParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
}
