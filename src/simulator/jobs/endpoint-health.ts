// What `/health` and `/metrics` say of an endpoint: counts of jobs and of workers. Idle and ready
// are one number, as in every sample that RunPod has published.
import type { EndpointHealth } from '#wire'
import type { Endpoint } from '../contract.ts'

/** `differs`: the view that has idle workers and none that boots, whatever is true. */
export function healthOf(endpoint: Endpoint, differs: boolean): EndpointHealth {
  const { queued, running } = endpoint.load()
  const { completed, failed, retried } = endpoint.counters
  return {
    jobs: { completed, failed, inProgress: running, inQueue: queued, retried },
    workers: workersOf(endpoint, differs),
  }
}

export function metricsOf(endpoint: Endpoint): object {
  const ready = endpoint.workerViews().filter(({ phase }) => phase === 'idle' || phase === 'parked')
  return { readyWorkers: ready.map(({ id }) => id), workers: workersOf(endpoint, false) }
}

function workersOf(endpoint: Endpoint, differs: boolean): EndpointHealth['workers'] {
  const { idle, initializing, ready, running, throttled, unhealthy } = endpoint.workers()
  if (!differs) return { idle, initializing, ready, running, throttled, unhealthy }
  const parked = Math.max(1, idle + initializing)
  return { idle: parked, initializing: 0, ready: parked, running, throttled, unhealthy }
}
