// The fields of an endpoint as the management API takes and gives them, and what it refuses: fields
// it does not know, pools that do not exist, and settings that contradict one another.
import { z } from 'zod'
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { gpuOfPool } from './gpu-catalog.ts'
import { type FieldMistake, Problem } from './problem.ts'

const pool = z
  .string()
  .refine((id) => gpuOfPool(id) !== undefined, 'no such pool; GET /v2/catalog/gpus lists them')

const gpu = z.strictObject({
  pools: z.array(pool).min(1),
  excludedTypes: z.array(z.string()).default([]),
  count: z.int().min(1).max(8).default(1),
  allowedCudaVersions: z.array(z.string()).default([]),
  minCudaVersion: z.string().nullable().default(null),
})

const workers = z.strictObject({
  min: z.int().min(0).max(1000).default(0),
  max: z.int().min(0).max(1000).default(3),
  idleTimeout: z.int().min(1).max(3600).optional(),
})

const scaling = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('QUEUE_DELAY'), queueDelay: z.number().min(0.5).default(4) }),
  z.strictObject({ type: z.literal('REQUEST_COUNT'), requestCount: z.int().min(1).default(4) }),
])

const container = {
  args: z.string().nullable().default(null),
  disk: z.int().min(1).default(10),
  env: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  registry: z.string().nullable().default(null),
  dataCenterIds: z.array(z.string()).default([]),
  networkVolumes: z.array(z.string()).default([]),
  timeout: z.int().min(0).default(0),
  flashboot: z.enum(['OFF', 'FLASHBOOT', 'PRIORITY_FLASHBOOT']).default('OFF'),
}

const fields = z.strictObject({
  name: z.string().min(1).max(191),
  type: z.enum(['QUEUE', 'LOAD_BALANCER']),
  image: z.string().min(1),
  gpu,
  workers: workers.prefault({}),
  scaling,
  ...container,
})

export type EndpointFields = z.output<typeof fields>

/** A new endpoint's fields, with the defaults of those that were not given. */
export function readCreation(body: unknown): EndpointFields {
  const read = fields.safeParse(body)
  if (!read.success) throw unprocessable(mistakesOf(read.error))
  return checked(read.data)
}

/** The fields after a change: only what is given changes; `env` is replaced as a whole. */
export function readChange(body: unknown, before: EndpointFields): EndpointFields {
  if (!isJsonObject(body)) throw unprocessable([{ path: '', message: 'must be a JSON object' }])
  if (body.type !== undefined && body.type !== before.type) {
    throw unprocessable([{ path: 'type', message: 'cannot be changed' }])
  }
  const merged = { ...before, ...body, gpu: changedGpu(body, before) }
  const counts = isJsonObject(merged.scaling) && merged.scaling.type === 'REQUEST_COUNT'
  const read = fields.safeParse({ ...merged, workers: changedWorkers(body, before, counts) })
  if (!read.success) throw unprocessable(mistakesOf(read.error))
  return checked(read.data)
}

/** New pools without exclusions clear the exclusions. */
function changedGpu({ gpu: given }: JsonObject, before: EndpointFields): unknown {
  if (!isJsonObject(given)) return given ?? before.gpu
  const excludedTypes = given.pools === undefined ? before.gpu.excludedTypes : []
  return { ...before.gpu, excludedTypes, ...given }
}

/** An endpoint that comes to count requests loses its idle timeout, unless one is given. */
function changedWorkers({ workers: given }: JsonObject, before: EndpointFields, counts: boolean) {
  const { idleTimeout, ...others } = before.workers
  const kept = counts || idleTimeout === undefined ? others : before.workers
  return isJsonObject(given) ? { ...kept, ...given } : (given ?? kept)
}

function checked(given: EndpointFields): EndpointFields {
  const counts = given.scaling.type === 'REQUEST_COUNT'
  const mistakes: FieldMistake[] = []
  if (given.type === 'LOAD_BALANCER' && !counts) {
    mistakes.push({ path: 'scaling.type', message: 'a load balancer scales by REQUEST_COUNT' })
  }
  if (given.type === 'QUEUE' && counts && given.workers.idleTimeout !== undefined) {
    const message = 'not allowed with REQUEST_COUNT on a QUEUE endpoint'
    mistakes.push({ path: 'workers.idleTimeout', message })
  }
  if (given.workers.min > given.workers.max) {
    mistakes.push({ path: 'workers.min', message: 'must not be above workers.max' })
  }
  if (mistakes.length > 0) throw unprocessable(mistakes)
  return given
}

function unprocessable(mistakes: readonly FieldMistake[]): Problem {
  return new Problem(422, 'The request body is not valid.', mistakes)
}

function mistakesOf(error: z.ZodError): FieldMistake[] {
  return error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }))
}
