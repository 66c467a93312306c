// The one table of bad ends. A fault knows what the client hears, what the operator hears, who is
// to blame, and whether work may have started. Each surface writes it in its own dialect.

/** Whose fault it is: an upstream's errors never count against a client, nor the reverse. */
export type Blame = 'client' | 'gateway' | 'upstream' | 'operator'

/** May the upstream have begun to work? Only after `no`, another attempt costs nothing. */
export type Started = 'no' | 'maybe' | 'yes'

/** Why an upstream did not take a call: no place is free, or no worker has started yet. */
export type TurnedAway = 'full' | 'cold'

/** Whether a client may try again, and how well the time for it is known. */
export type RetryHint = 'no' | 'yes' | 'estimate'

interface FaultKind {
  status: number
  type: string
  code: string | null
  retry: RetryHint
  blame: Blame
  /** For docs/errors.md: when it happens. */
  when: string
}

const invalid = 'invalid_request_error'
const unavailable = 'service_unavailable_error'

function kind(
  status: number,
  type: string,
  code: string | null,
  retry: RetryHint,
  blame: Blame,
  when: string,
): FaultKind {
  return { status, type, code, retry, blame, when }
}

/* biome-ignore format: a table reads as a table */
export const faultKinds = {
  bad_request: kind(400, invalid, null, 'no', 'client', 'a parameter is missing, of the wrong type or out of range'),
  invalid_json: kind(400, invalid, 'invalid_json', 'no', 'client', 'the body is not a JSON object in UTF-8'),
  context_too_long: kind(400, invalid, 'context_length_exceeded', 'no', 'client', 'prompt and answer do not fit into the model’s context, or probably do not where its server failed without a reason'),
  upstream_refused: kind(400, invalid, 'upstream_rejected', 'no', 'client', 'the model’s server refused the request as invalid'),
  no_key: kind(401, invalid, 'invalid_api_key', 'no', 'client', 'no key was sent'),
  wrong_key: kind(401, invalid, 'invalid_api_key', 'no', 'client', 'the key is unknown, expired or revoked'),
  model_not_allowed: kind(403, 'permission_error', 'model_not_allowed', 'no', 'client', 'the key may not use this model'),
  not_admin: kind(403, 'permission_error', 'insufficient_scope', 'no', 'client', 'the key may not use this route'),
  not_granted: kind(403, 'permission_error', 'exceeds_own_rights', 'no', 'client', 'an admin key may grant only what it holds itself, and lead deployments only where it may'),
  model_not_found: kind(404, invalid, 'model_not_found', 'no', 'client', 'there is no such model'),
  not_found: kind(404, invalid, 'not_found', 'no', 'client', 'there is no such key, model or deployment to change'),
  unknown_url: kind(404, invalid, 'unknown_url', 'no', 'client', 'there is no such route'),
  wrong_method: kind(405, invalid, 'method_not_allowed', 'no', 'client', 'the route exists, with another method'),
  slow_request: kind(408, invalid, 'request_timeout', 'yes', 'client', 'the client took too long to send its request'),
  breaks_keys: kind(409, invalid, 'breaks_keys', 'no', 'client', 'the change would take a model or route away from keys that name it; it can be forced'),
  key_of_environment: kind(409, invalid, 'key_of_environment', 'no', 'client', 'the key comes from the environment (`API_KEYS`, `API_ADMIN_KEY`): it can be changed only there'),
  body_too_large: kind(413, invalid, 'request_too_large', 'no', 'client', 'the body is larger than allowed'),
  wrong_media_type: kind(415, invalid, 'unsupported_media_type', 'no', 'client', 'the body is not plain application/json in UTF-8'),
  unknown_expectation: kind(417, invalid, 'unknown_expectation', 'no', 'client', 'the header `Expect` asks for something other than 100-continue'),
  headers_too_large: kind(431, invalid, 'headers_too_large', 'no', 'client', 'the request’s headers are too many or too large'),
  rate_requests: kind(429, 'requests', 'rate_limit_exceeded', 'yes', 'client', 'the key’s requests per minute are used up'),
  rate_tokens: kind(429, 'tokens', 'rate_limit_exceeded', 'yes', 'client', 'the key’s tokens per minute are used up, or too few are left for what the call may take at most'),
  tokens_beyond_limit: kind(429, 'tokens', 'rate_limit_exceeded', 'no', 'client', 'the call may take more tokens than the key has in a whole minute'),
  rate_concurrency: kind(429, 'requests', 'rate_limit_exceeded', 'estimate', 'client', 'the key has as many calls at once as it may have, and the call will not wait, may not, or waited in vain for one of them to end'),
  rate_admin: kind(429, 'requests', 'rate_limit_exceeded', 'yes', 'client', 'too many admin requests from one address'),
  too_many_failures: kind(429, 'requests', 'rate_limit_exceeded', 'yes', 'client', 'too many failed authentications from one address'),
  overloaded: kind(429, 'overloaded', 'capacity', 'estimate', 'gateway', 'the queue is full, the deployment said for `routing.fullWaitMs` that it is full or had no worker until the deadline, or requests or connections are too many for this gateway’s memory'),
  draining: kind(503, unavailable, 'draining', 'yes', 'gateway', 'this gateway is shutting down'),
  ledger_unavailable: kind(503, unavailable, 'ledger_unavailable', 'yes', 'gateway', 'the ledger cannot be written, so no call is accepted'),
  registry_unavailable: kind(503, unavailable, 'registry_unavailable', 'yes', 'gateway', 'keys and models cannot be changed at the moment: the registry is locked, or its disk is full'),
  no_deployment: kind(503, unavailable, 'no_deployment', 'estimate', 'upstream', 'no deployment of the model is switched on'),
  circuit_open: kind(503, unavailable, 'circuit_open', 'estimate', 'upstream', 'all deployments that may answer the call failed too often of late, and are left alone until the next trial'),
  upstream_unreachable: kind(502, 'upstream_error', 'upstream_unreachable', 'estimate', 'upstream', 'no connection to the deployment'),
  upstream_bad_answer: kind(502, 'upstream_error', 'upstream_bad_answer', 'estimate', 'upstream', 'the deployment answered with an error or with nonsense'),
  upstream_cut: kind(502, 'upstream_error', 'upstream_cut', 'estimate', 'upstream', 'the answer ended before it was complete'),
  upstream_credentials: kind(502, 'upstream_error', 'upstream_credentials', 'no', 'operator', 'the deployment refused the gateway’s own credentials or account'),
  upstream_misconfigured: kind(502, 'upstream_error', 'upstream_misconfigured', 'no', 'operator', 'the deployment does not know the model or the route that it is configured for'),
  upstream_too_large: kind(502, 'upstream_error', 'upstream_too_large', 'no', 'upstream', 'the answer, or one event of it, is larger than allowed'),
  deadline: kind(504, 'timeout_error', 'deadline_exceeded', 'yes', 'upstream', 'the call’s deadline passed'),
  first_byte_timeout: kind(504, 'timeout_error', 'first_byte_timeout', 'yes', 'upstream', 'the deployment took too long to begin'),
  stalled: kind(504, 'timeout_error', 'upstream_stalled', 'yes', 'upstream', 'the deployment stopped in the middle of its answer'),
  client_gone: kind(499, invalid, 'client_gone', 'no', 'client', 'the client left; only the log and the ledger ever show it'),
  slow_client: kind(499, invalid, 'slow_client', 'no', 'client', 'the client did not read its answer; only the log and the ledger ever show it'),
  internal: kind(500, 'server_error', 'internal', 'estimate', 'gateway', 'a mistake of ours'),
} as const satisfies Record<string, FaultKind>

/** A row of the table. */
export type FaultName = keyof typeof faultKinds

/** What one fault says beyond its row of the table. */
export interface FaultDetails {
  /** For the client. Never contains foreign text, hosts or credentials. */
  message: string
  param?: string | null
  /** For the operator only, in the log, which redacts it. */
  cause?: unknown
  started?: Started
  /** After how long another try makes sense, as far as we know. */
  retryAfterMs?: number | null
  /** The upstream did not take the call: this does not count against its health. */
  turnedAway?: TurnedAway | null
  /** The upstream failed, and its platform does not say why. */
  isUnexplained?: boolean
  /** The way to the server failed, or it said nothing: it may well answer the next time. */
  isFleeting?: boolean
}

export class Fault extends Error {
  override readonly name = 'Fault'
  readonly kind: FaultName
  readonly param: string | null
  readonly started: Started
  readonly retryAfterMs: number | null
  readonly turnedAway: TurnedAway | null
  readonly isUnexplained: boolean
  readonly isFleeting: boolean

  constructor(kind: FaultName, details: FaultDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: causeOf(details) })
    this.kind = kind
    this.param = details.param ?? null
    this.started = details.started ?? 'no'
    this.retryAfterMs = details.retryAfterMs ?? null
    this.turnedAway = details.turnedAway ?? null
    this.isUnexplained = details.isUnexplained ?? false
    this.isFleeting = details.isFleeting ?? false
  }

  get rule(): FaultKind {
    return faultKinds[this.kind]
  }
}

/** A cause that is a text is our own; as an error, the log may show it. */
function causeOf({ cause }: FaultDetails): unknown {
  return typeof cause === 'string' ? new Error(cause) : cause
}

/** Any thrown value as a fault: what we did not foresee is our mistake. */
export function asFault(cause: unknown): Fault {
  if (cause instanceof Fault) return cause
  return new Fault('internal', { message: 'The gateway made a mistake.', cause, started: 'maybe' })
}
