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
  const { fields, releases } = entry
  const version = releases.at(-1)?.version ?? 1
  const listed = workers.flatMap((worker) => {
    if (worker.phase === 'parked') return []
    const { startedAtMs } = worker
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
