// One route for each surface: makes a call of an HTTP request, and relays it.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asFault, type Call, type CallFacts, scopeOfSurface } from '#domain'
import { relayCall } from '#relay'
import type { Surface } from '#surfaces'
import { HttpClientEnd } from './client-end.ts'
import { callTimesOf } from './client-hints.ts'
import type { Drain } from './drain.ts'
import { draining, noKey } from './faults.ts'
import type { LargeBodies } from './large-bodies.ts'
import type { HttpPorts } from './ports.ts'
import { refusalOf } from './refusals.ts'
import { clientRequestId } from './request-head.ts'

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
  const unreadLimit = { clock, slowClientMs: relayOptions.slowClientMs }
  const config = { surface: surface.name, access: scopeOfSurface(surface.name) }
  app.post(surface.path, { config, bodyLimit: options.bodyBytesMax }, async (request, reply) => {
    const { apiKey, rates, connection } = request
    // The hooks before have set them; a route that forgot its guard must not serve anybody.
    if (apiKey === null || rates === null || connection === null) throw noKey()
    const received = { receivedAtMs: clock.nowMs(), receivedTicksMs: clock.ticksMs() }
    const facts = await largeBodies.read(surface.read(bodyOf(request)))
    if (drain.isDraining()) throw draining()
    const asker = { key: apiKey, rates, surface: surface.name }
    const call = callOf(request, { ...facts, ...asker, ...received }, relayOptions)
    const client = new HttpClientEnd(reply.raw, connection, unreadLimit)
    reply.hijack()
    const live = drain.calls.add(client, call.key)
    try {
      await relayCall(call, surface, client, relay)
    } catch (cause) {
      // The relay does not throw. If it ever does, nobody else would end this connection.
      client.cut()
      ports.refused(refusalOf(request, asFault(cause)))
    } finally {
      // The last bytes may still be on their way to a client that reads slowly.
      client.whenClosed(() => drain.calls.remove(live))
    }
  })
}

function bodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : empty
}

function callOf(
  { id, headers }: FastifyRequest,
  known: CallFacts & Pick<Call, 'key' | 'rates' | 'surface' | 'receivedAtMs' | 'receivedTicksMs'>,
  relayOptions: HttpPorts['relayOptions'],
): Call {
  const { totalMs, ...times } = callTimesOf(headers, known.stream, relayOptions)
  const deadlineTicksMs = known.receivedTicksMs + totalMs
  return { ...known, ...times, id, clientRequestId: clientRequestId(headers), deadlineTicksMs }
}
