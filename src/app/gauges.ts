// The gauges, which are read from the rooms at each scrape.
import type { HttpServer } from '#http'
import type { Logger, Metrics } from '#observability'
import type { Routing } from '#routing'
import { heldAnswerBytes } from '#upstreams'

const circuitValues = { closed: 0, 'half-open': 1, open: 2 } as const

export function watchGauges(
  metrics: Metrics,
  { server, routing, logger }: { server: HttpServer; routing: Routing; logger: Logger },
): void {
  metrics.watch('podgate_inflight_requests', () => [{ value: server.liveCalls() }])
  metrics.watch('podgate_queue_depth', () =>
    routing.waiting().map(({ model, waiting }) => ({ labels: { model }, value: waiting })),
  )
  metrics.watch('podgate_circuit_state', () =>
    routing.load().map(({ deployment, circuit }) => ({
      labels: { deployment },
      value: circuitValues[circuit],
    })),
  )
  metrics.watch('podgate_held_bytes', () => [
    { labels: { side: 'upstream' }, value: heldAnswerBytes() },
    { labels: { side: 'client' }, value: server.heldBytes() },
  ])
  metrics.watch('podgate_log_lost_lines', () => [{ value: logger.lostLines() }])
}
