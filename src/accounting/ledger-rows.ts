// Records as rows: one list of columns from which both the insert and its values are made, so that
// they cannot come out of step.
import type { AttemptRecord, CallRecord } from '#domain'
import type { SqliteConnection } from '#storage'

type SqlValue = string | number | null
type Columns<R> = Readonly<Record<string, (record: R) => SqlValue>>

export type LedgerRow =
  | { kind: 'call'; record: CallRecord }
  | { kind: 'attempt'; record: AttemptRecord }

/** Writes all rows in one transaction, or throws. Returns those that the tables refuse, and why. */
export type Commit = (rows: readonly LedgerRow[]) => Map<LedgerRow, unknown>

export function prepareCommit(connection: SqliteConnection): Commit {
  const insertCall = prepareInsert(connection, 'calls', callColumns)
  const insertAttempt = prepareInsert(connection, 'attempts', attemptColumns)
  const write: Commit = (rows) => {
    const refusals = new Map<LedgerRow, unknown>()
    for (const row of rows) {
      try {
        if (row.kind === 'call') insertCall(row.record)
        else insertAttempt(row.record)
      } catch (cause) {
        if (!isRowsOwnFault(cause)) throw cause
        refusals.set(row, cause)
      }
    }
    return refusals
  }
  const commit = connection.transaction(write)
  // A statement alone is a transaction of its own, and saves the two that would stand around it.
  return (rows) => (rows.length === 1 ? write(rows) : commit.immediate(rows))
}

const callColumns: Columns<CallRecord> = {
  request_id: (call) => call.requestId,
  client_request_id: (call) => call.clientRequestId,
  key_id: (call) => call.keyId,
  team_id: (call) => call.teamId,
  end_user_hash: (call) => call.endUserHash,
  surface: (call) => call.surface,
  model: (call) => call.model,
  deployment: (call) => call.deployment,
  transport: (call) => call.transport,
  upstream_id: (call) => call.upstreamId,
  worker_id: (call) => call.workerId,
  received_at_ms: (call) => call.receivedAtMs,
  status: (call) => call.status,
  outcome: (call) => call.outcome,
  error_code: (call) => call.errorCode,
  fault: (call) => call.fault,
  stream: (call) => Number(call.stream),
  attempts: (call) => call.attempts,
  duration_ms: (call) => call.durationMs,
  queue_ms: (call) => call.queueMs,
  ttft_ms: (call) => call.ttftMs,
  exec_ms: (call) => call.execMs,
  overhead_ms: (call) => call.overheadMs,
  stream_ms: (call) => call.streamMs,
  cold_start: (call) => Number(call.coldStart),
  prompt_tokens: (call) => call.usage.promptTokens,
  completion_tokens: (call) => call.usage.completionTokens,
  cached_tokens: (call) => call.usage.cachedTokens,
  usage_source: (call) => call.usage.source,
  prompt_nano_usd: (call) => call.prices.promptNanoUsd,
  completion_nano_usd: (call) => call.prices.completionNanoUsd,
  cached_nano_usd: (call) => call.prices.cachedNanoUsd,
  charge_nano_usd: (call) => call.chargeNanoUsd,
  gpu_seconds: (call) => call.gpuSeconds,
  possible_orphan: (call) => Number(call.possibleOrphan),
}

const attemptColumns: Columns<AttemptRecord> = {
  request_id: (attempt) => attempt.requestId,
  ordinal: (attempt) => attempt.ordinal,
  model: (attempt) => attempt.model,
  deployment: (attempt) => attempt.deployment,
  transport: (attempt) => attempt.transport,
  started_at_ms: (attempt) => attempt.startedAtMs,
  duration_ms: (attempt) => attempt.durationMs,
  result: (attempt) => attempt.result,
  fault: (attempt) => attempt.fault,
  released: (attempt) => attempt.released,
  cancellation: (attempt) => attempt.cancellation,
  wasted_seconds: (attempt) => attempt.wastedSeconds,
  waste_reason: (attempt) => attempt.wasteReason,
}

/** Twice the same id, or a value of the wrong type: no retry can help, and the file is well. */
function isRowsOwnFault(cause: unknown): boolean {
  if (cause instanceof TypeError || cause instanceof RangeError) return true
  return cause instanceof Error && 'code' in cause && /^SQLITE_CONSTRAINT/.test(String(cause.code))
}

function prepareInsert<R>(connection: SqliteConnection, table: string, columns: Columns<R>) {
  const names = Object.keys(columns)
  const readers = Object.values(columns)
  const places = names.map(() => '?').join(', ')
  const insert = connection.prepare<SqlValue[]>(
    `insert into ${table} (${names.join(', ')}) values (${places})`,
  )
  return (record: R) => {
    insert.run(...readers.map((read) => read(record)))
  }
}
