// A request that never became a call is logged and counted too. Its line has the names that the
// line of a call has, and what an operator needs to find the cause: the parameter, or the address.
import type { FaultName } from '#domain'
import type { Refusal } from '#http'
import type { Logger, Metrics } from '#observability'

/** Without a key, the address is all that tells one client from another. */
const tellsAddress: ReadonlySet<FaultName> = new Set<FaultName>([
  'no_key',
  'wrong_key',
  'too_many_failures',
  'rate_admin',
])

export function noteRefusal(refusal: Refusal, metrics: Metrics, logger: Logger): void {
  const { fault, surface } = refusal
  metrics.observeRefusal({ surface, model: null, fault: fault.kind })
  const line = {
    request_id: refusal.requestId,
    client_request_id: refusal.clientRequestId,
    event: 'refused',
    key_id: refusal.keyId,
    ...(tellsAddress.has(fault.kind) ? { address: refusal.address ?? null } : {}),
    surface,
    status: fault.rule.status,
    outcome: 'refused',
    error_code: fault.rule.code ?? fault.kind,
    param: fault.param,
  }
  // Only a mistake of ours needs its cause and stack to be found. Everything else is refused on
  // purpose; during overload, stacks would flood the log.
  if (fault.kind === 'internal') logger.error({ ...line, cause: fault.cause ?? fault })
  else logger.info(line)
}
