// `/admin/keys`: lists, shows, creates, changes, rotates and revokes keys. Only the answer to the
// request that creates a secret holds it.
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { durationMsOf, Fault } from '#domain'
import {
  changesOf,
  createKey,
  findKey,
  keyChangesSchema,
  keyRequestSchema,
  keyState,
  listKeys,
  revokeKey,
  rotateKey,
  rotationSchema,
  type StoredKey,
  termsOf,
  updateKey,
} from '#keys'
import { bodyOf, queryOf } from './admin-request.ts'
import { keyOfEnvironment } from './faults.ts'
import { keyBehind } from './guard.ts'
import type { HttpPorts } from './ports.ts'

const listQuery = z.strictObject({ teamId: z.string().optional() })
const nothing = z.strictObject({})

export function addAdminKeys(admin: FastifyInstance, { admin: ports, clock }: HttpPorts): void {
  const { registry, changed, usualLimits: usual } = ports
  const shown = (key: StoredKey) => ({ ...key, state: keyState(key, clock.nowMs()) })
  const changeableId = ({ id }: { id: string }): string => {
    if (ports.isGivenKey(id)) throw keyOfEnvironment()
    return id
  }

  admin.get('/keys', async (request) => {
    const { teamId } = queryOf(request, listQuery)
    const keys = await listKeys(registry)
    const asked = keys.filter((key) => teamId === undefined || key.teamId === teamId)
    return { object: 'list', data: asked.map(shown) }
  })
  admin.get<{ Params: { id: string } }>('/keys/:id', async ({ params }) => {
    const key = await findKey(registry, params.id)
    if (key === null) throw new Fault('not_found', { message: 'There is no key of this id.' })
    return shown(key)
  })
  admin.post('/keys', async (request, reply) => {
    const terms = termsOf(bodyOf(request, keyRequestSchema), clock.nowMs())
    const { key, secret } = await createKey(registry, terms, keyBehind(request), usual)
    await changed()
    return reply.code(201).send({ ...shown(key), secret })
  })
  admin.patch<{ Params: { id: string } }>('/keys/:id', async (request) => {
    const id = changeableId(request.params)
    const nowMs = clock.nowMs()
    const changes = changesOf(bodyOf(request, keyChangesSchema), nowMs)
    const { key } = await updateKey(registry, id, changes, {
      nowMs,
      actor: keyBehind(request),
      usual,
    })
    await changed()
    return shown(key)
  })
  admin.post<{ Params: { id: string } }>('/keys/:id/rotate', async (request) => {
    const id = changeableId(request.params)
    const { overlap } = bodyOf(request, rotationSchema)
    const { key, secret } = await rotateKey(registry, id, {
      overlapMs: durationMsOf(overlap) ?? 0,
      nowMs: clock.nowMs(),
      actor: keyBehind(request),
      usual,
    })
    await changed()
    return { ...shown(key), secret }
  })
  admin.post<{ Params: { id: string } }>('/keys/:id/revoke', async (request) => {
    const id = changeableId(request.params)
    bodyOf(request, nothing)
    const deed = { nowMs: clock.nowMs(), actor: keyBehind(request) }
    const key = await revokeKey(registry, id, deed)
    await changed()
    return shown(key)
  })
}
