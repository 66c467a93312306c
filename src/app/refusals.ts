// A request that never became a call still leaves a log line and a metric, with the names that a
// call's line has.
import type { Refusal } from '#http'
import type { Logger, Metrics } from '#observability'

export function noteRefusal(refusal: Refusal, metrics: Metrics, logger: Logger): void {
  const { fault, surface } = refusal
  metrics.observeRefusal({ surface, model: null, fault: fault.kind })
  const line = {
    request_id: refusal.requestId,
    client_request_id: refusal.clientRequestId,
    event: 'refused',
    key_id: refusal.keyId,
    surface,
    status: fault.rule.status,
    outcome: 'refused',
    error_code: fault.rule.code ?? fault.kind,
  }
  // A mistake of ours is found by its cause; a client's has nothing to say beyond its code.
  if (fault.rule.blame === 'client') logger.info(line)
  else logger.error({ ...line, cause: fault.cause ?? fault })
}
