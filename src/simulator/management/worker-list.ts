// `GET /v2/serverless/{id}/workers`: every worker of an endpoint, what it runs and since when. It
// is another view than `/health`: parked workers are not in it, and it knows no `ready`.
import type { WorkerView } from '../worker/worker-events.ts'
import type { Listed } from './directory.ts'
import { gpuOfPool } from './gpu-catalog.ts'

const statusOf = {
  throttled: 'THROTTLED',
  pull: 'INITIALIZING',
  start: 'INITIALIZING',
  load: 'INITIALIZING',
  'warm-up': 'INITIALIZING',
  idle: 'IDLE',
  running: 'RUNNING',
  unhealthy: 'UNHEALTHY',
} as const

const dataCenter = 'EU-SIM-1'

export function workerList(entry: Listed, workers: readonly WorkerView[], nowMs: number): object {
  const version = entry.releases.at(-1)?.version ?? 1
  const listed = workers.flatMap((worker) => {
    if (worker.phase === 'parked') return []
    const { startedAtMs } = worker
    const fields = fieldsAt(entry, worker.release)
    return {
      id: worker.id,
      status: statusOf[worker.phase],
      isStale: worker.release < version,
      version: worker.release,
      gpuCount: fields.gpu.count,
      image: fields.image,
      uptimeSeconds: startedAtMs === null ? 0 : Math.floor((nowMs - startedAtMs) / 1000),
      gpuTypeId: gpuOfPool(fields.gpu.pools[0] ?? '')?.id ?? null,
      dataCenterId: fields.dataCenterIds[0] ?? dataCenter,
      startedAt: startedAtMs === null ? null : new Date(startedAtMs).toISOString(),
    }
  })
  const count = (status: string) => listed.filter((worker) => worker.status === status).length
  const summary = {
    running: count('RUNNING'),
    idle: count('IDLE'),
    initializing: count('INITIALIZING'),
    throttled: count('THROTTLED'),
    unhealthy: count('UNHEALTHY'),
    total: listed.length,
  }
  return { workers: listed, summary, endpointVersion: version }
}

/** What the endpoint was when it had this release: the newer ones are taken back, one by one. */
function fieldsAt({ fields, releases }: Listed, release: number): Listed['fields'] {
  const newer = releases.filter(({ version }) => version > release).toReversed()
  const before = newer.flatMap(({ diff }) => diff.map(({ field, from }) => [field, from]))
  // What a release tells of is fields, with values that they once had.
  return { ...fields, ...(Object.fromEntries(before) as Partial<Listed['fields']>) }
}
