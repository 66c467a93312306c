// Which worker a load balancer's call goes to: the one that its header names, if it is free or if
// the call insists; otherwise the one with the fewest calls in hand.
//
//   X-Runpod-Worker-Id: <id>                        there, if it can take the call now
//   X-Runpod-Worker-Id: strict <id>                 there, or nowhere
//   X-Runpod-Worker-Id: strict-resume <id>          the same
import type { Endpoint } from '../contract.ts'
import type { WorkerView } from '../worker/worker-events.ts'

export interface Affinity {
  /** Null: any worker. */
  readonly workerId: string | null
  readonly isStrict: boolean
}

export function readAffinity(header: string | string[] | undefined): Affinity {
  const given = typeof header === 'string' ? header.trim() : ''
  const [, strict, id = ''] = /^(strict|strict-resume)\s+(\S+)$/.exec(given) ?? [null, null, given]
  return { workerId: id === '' ? null : id, isStrict: typeof strict === 'string' }
}

/** Asked for each worker that has a place free, each time that it has. */
export function workerChoice(
  endpoint: Endpoint,
  { workerId, isStrict }: Affinity,
): (asking: string) => boolean {
  return (asking) => {
    if (isStrict) return asking === workerId
    const ready = readyWorkers(endpoint.workerViews())
    const wanted = ready.find(({ id }) => id === workerId)
    if (wanted !== undefined && wanted.jobs < endpoint.settings().slotsPerWorker) {
      return asking === wanted.id
    }
    const jobsOf = (id: string) => ready.find((worker) => worker.id === id)?.jobs ?? 0
    const fewest = Math.min(...ready.map(({ jobs }) => jobs))
    return jobsOf(asking) <= fewest
  }
}

/** Workers of an old release take no more calls. */
function readyWorkers(views: readonly WorkerView[]): WorkerView[] {
  const up = views.filter(({ phase }) => phase === 'idle' || phase === 'running')
  const newest = Math.max(...up.map(({ release }) => release))
  return up.filter(({ release }) => release === newest)
}
