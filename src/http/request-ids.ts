// The id of a request. The answer's is always ours; the one that a client gave its request is kept
// beside it, if it is short and harmless.
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'

export function addRequestId(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
}

export function clientRequestId(headers: IncomingHttpHeaders): string | null {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : null
}
