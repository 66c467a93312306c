// One route for each surface: from an HTTP request to a call, and off it goes.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asFault, type Call, type CallFacts, scopeOfSurface } from '#domain'
import { relayCall } from '#relay'
import type { Surface } from '#surfaces'
import { HttpClientEnd } from './client-end.ts'
import { patienceOf } from './client-hints.ts'
import type { Drain } from './drain.ts'
import { draining, noKey } from './faults.ts'
import type { LargeBodies } from './large-bodies.ts'
import type { HttpPorts } from './ports.ts'
import { clientRequestId } from './request-ids.ts'

const empty = Buffer.alloc(0)

interface Shared {
  drain: Drain
  largeBodies: LargeBodies
}

export function addSurfaceRoute(
  app: FastifyInstance,
  surface: Surface,
  ports: HttpPorts,
  { drain, largeBodies }: Shared,
): void {
  const { clock, options, relayOptions, relay } = ports
  const patience = { clock, slowClientMs: relayOptions.slowClientMs }
  const config = { surface: surface.name, access: scopeOfSurface(surface.name) }
  app.post(surface.path, { config, bodyLimit: options.bodyBytesMax }, async (request, reply) => {
    const { apiKey, rates, connection } = request
    // The guard has let it in; a route that forgot its guard must not serve anybody.
    if (apiKey === null || rates === null || connection === null) throw noKey()
    const received = { receivedAtMs: clock.nowMs(), receivedTicksMs: clock.ticksMs() }
    const facts = await largeBodies.read(surface.read(bodyOf(request)))
    if (drain.isDraining()) throw draining()
    const asker = { key: apiKey, rates, surface: surface.name }
    const call = callOf(request, { ...facts, ...asker, ...received }, relayOptions)
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

function bodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : empty
}

function callOf(
  { id, headers }: FastifyRequest,
  known: CallFacts & Pick<Call, 'key' | 'rates' | 'surface' | 'receivedAtMs' | 'receivedTicksMs'>,
  relayOptions: HttpPorts['relayOptions'],
): Call {
  const { totalMs, ...patience } = patienceOf(headers, known.stream, relayOptions)
  const deadlineTicksMs = known.receivedTicksMs + totalMs
  return { ...known, ...patience, id, clientRequestId: clientRequestId(headers), deadlineTicksMs }
}
