// One route for each surface: from an HTTP request to a call, and off it goes.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asFault, type Call, scopeOfSurface } from '#domain'
import { relayCall } from '#relay'
import type { Surface } from '#surfaces'
import { HttpClientEnd } from './client-end.ts'
import { patienceOf } from './client-hints.ts'
import type { Drain } from './drain.ts'
import { draining, noKey } from './faults.ts'
import type { HttpPorts } from './ports.ts'
import { clientRequestId } from './request-ids.ts'

const empty = Buffer.alloc(0)

export function addSurfaceRoute(
  app: FastifyInstance,
  surface: Surface,
  ports: HttpPorts,
  drain: Drain,
): void {
  const { clock, options, relayOptions, relay } = ports
  const patience = { clock, slowClientMs: relayOptions.slowClientMs }
  const config = { surface: surface.name, access: scopeOfSurface(surface.name) }
  app.post(surface.path, { config, bodyLimit: options.bodyBytesMax }, async (request, reply) => {
    if (drain.isDraining()) throw draining()
    const { apiKey, rates, connection } = request
    // The guard has let it in; a route that forgot its guard must not serve anybody.
    if (apiKey === null || rates === null || connection === null) throw noKey()
    const call = callOf(request, { key: apiKey, rates }, surface, ports)
    const ends = { request: request.raw, response: reply.raw, connection }
    const client = new HttpClientEnd(ends, patience)
    reply.hijack()
    const live = drain.calls.add(client, call.key)
    try {
      await relayCall(call, surface, client, relay)
    } catch (cause) {
      // The relay does not throw. If it ever does, nobody else would end this connection.
      client.cut()
      ports.refused({ ...refusalOf(request, surface), fault: asFault(cause) })
    } finally {
      // The last words may still be on their way to a client that reads slowly.
      client.whenClosed(() => drain.calls.remove(live))
    }
  })
}

function refusalOf(request: FastifyRequest, surface: Surface) {
  return {
    requestId: request.id,
    clientRequestId: clientRequestId(request.headers),
    keyId: request.apiKey?.id ?? null,
    surface: surface.name,
  }
}

function callOf(
  request: FastifyRequest,
  asker: Pick<Call, 'key' | 'rates'>,
  surface: Surface,
  { clock, relayOptions }: HttpPorts,
): Call {
  const receivedTicksMs = clock.ticksMs()
  const body = Buffer.isBuffer(request.body) ? request.body : empty
  const facts = surface.read(body)
  const { totalMs, keepAliveMs, waitMaxMs } = patienceOf(
    request.headers,
    facts.stream,
    relayOptions,
  )
  return {
    ...facts,
    ...asker,
    id: request.id,
    clientRequestId: clientRequestId(request.headers),
    surface: surface.name,
    receivedAtMs: clock.nowMs(),
    receivedTicksMs,
    deadlineTicksMs: receivedTicksMs + totalMs,
    keepAliveMs,
    waitMaxMs,
  }
}
