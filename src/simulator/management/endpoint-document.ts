// An endpoint as the management API writes it. Its environment is given in clear, as RunPod does,
// so whoever reads it must treat it as a secret; the addresses are those of this simulator.
import type { Listed } from './directory.ts'

/** `origin` is where the simulator was reached, as in `http://127.0.0.1:8090`. */
export function endpointDocument({ id, createdAt, fields }: Listed, origin: string): object {
  const { name, type, image, gpu, workers, scaling, ...container } = fields
  return {
    id,
    name,
    type,
    requestUrls: requestUrls(id, type, origin),
    image,
    ...container,
    gpu,
    workers,
    scaling,
    createdAt,
  }
}

function requestUrls(id: string, type: 'QUEUE' | 'LOAD_BALANCER', origin: string): object {
  const base = `${origin}/v2/${id}`
  if (type === 'LOAD_BALANCER') return { base: `${origin}/lb/${id}`, health: `${base}/health` }
  return {
    run: `${base}/run`,
    runSync: `${base}/runsync`,
    status: `${base}/status`,
    stream: `${base}/stream`,
    cancel: `${base}/cancel`,
    retry: `${base}/retry`,
    purgeQueue: `${base}/purge-queue`,
    health: `${base}/health`,
  }
}

/** The newest first; how far each has come is told by the workers that run it. */
export function releaseList({ releases }: Listed, workers: readonly { release: number }[]): object {
  const newest = releases.at(-1)?.version
  return {
    releases: releases.toReversed().map((release) => ({
      ...release,
      isCurrent: release.version === newest,
      rollout: {
        workers: workers.filter((worker) => worker.release === release.version).length,
        total: workers.length,
      },
    })),
  }
}
