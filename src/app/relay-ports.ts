// Connects the rooms that are strangers to one another into what the relay asks for.

import type { KeyTally, Ledger } from '#accounting'
import type { Clock } from '#domain'
import type { Limits } from '#limits'
import { type Catalogue, resolveRoute } from '#models'
import type { AttemptTally, Logger, Metrics } from '#observability'
import type { RelayPorts } from '#relay'
import type { Routing } from '#routing'

export interface Rooms {
  clock: Clock
  catalogue: Catalogue
  limits: Limits
  routing: Routing
  ledger: Ledger
  metrics: Metrics
  logger: Logger
  attempts: AttemptTally
  keyTally: KeyTally
}

export function connectRelay(rooms: Rooms): RelayPorts {
  const { clock, catalogue, limits, routing, ledger, metrics, logger, attempts, keyTally } = rooms
  return {
    clock,
    limits,
    routing,
    ledger,
    resolveRoute: (call) => resolveRoute(catalogue, call.modelId, call.surface, call.key),
    onAttempt(record) {
      ledger.appendAttempt(record)
      metrics.observeAttempt(record)
      attempts.add(record)
      keyTally.addAttempt(record)
    },
    observe(record) {
      if (record.outcome !== 'refused') {
        keyTally.add(record)
        return metrics.observeCall(record)
      }
      const { surface, model, fault } = record
      metrics.observeRefusal({ surface, model, fault: fault ?? 'internal' })
    },
    log: (record, fault) => logger.call(record, fault?.cause),
  }
}
