// Records as rows: one list of a table's columns from which both its inserts and their values are
// made, so that they cannot come out of step.
import type { AttemptRecord, CallRecord } from '#domain'
import type { SqliteConnection } from '#storage'
import { type Columns, createTableWriter } from './table-writer.ts'

interface CallRow {
  kind: 'call'
  record: CallRecord
}

interface AttemptRow {
  kind: 'attempt'
  record: AttemptRecord
}

export type LedgerRow = CallRow | AttemptRow

/** Rows that the tables refuse, and why; null, as a rule: none. */
export type Refusals = ReadonlyMap<LedgerRow, unknown> | null

/** Writes all rows in one transaction, or throws. */
export type Commit = (rows: readonly LedgerRow[]) => Refusals

export function prepareCommit(connection: SqliteConnection): Commit {
  const calls = createTableWriter<CallRecord, CallRow>(connection, 'calls', callColumns)
  const attempts = createTableWriter<AttemptRecord, AttemptRow>(
    connection,
    'attempts',
    attemptColumns,
  )
  const write: Commit = (rows) => {
    let refusals: Map<LedgerRow, unknown> | null = null
    const refuse = (row: LedgerRow, cause: unknown) => {
      refusals ??= new Map()
      refusals.set(row, cause)
    }
    calls.write(rows.filter(isCall), refuse)
    attempts.write(rows.filter(isAttempt), refuse)
    return refusals
  }
  const commit = connection.transaction(write)
  // A statement alone is a transaction of its own, and saves the two that would stand around it.
  return (rows) => (rows.length === 1 ? write(rows) : commit.immediate(rows))
}

function isCall(row: LedgerRow): row is CallRow {
  return row.kind === 'call'
}

function isAttempt(row: LedgerRow): row is AttemptRow {
  return row.kind === 'attempt'
}

const callColumns: Columns<CallRecord> = {
  shared: {
    surface: (call) => call.surface,
    model: (call) => call.model,
    deployment: (call) => call.deployment,
    transport: (call) => call.transport,
    status: (call) => call.status,
    outcome: (call) => call.outcome,
    error_code: (call) => call.errorCode,
    fault: (call) => call.fault,
    stream: (call) => Number(call.stream),
    attempts: (call) => call.attempts,
    cold_start: (call) => Number(call.coldStart),
    usage_source: (call) => call.usage.source,
    prompt_nano_usd: (call) => call.prices.promptNanoUsd,
    completion_nano_usd: (call) => call.prices.completionNanoUsd,
    cached_nano_usd: (call) => call.prices.cachedNanoUsd,
    possible_orphan: (call) => Number(call.possibleOrphan),
  },
  own: {
    request_id: (call) => call.requestId,
    client_request_id: (call) => call.clientRequestId,
    key_id: (call) => call.keyId,
    team_id: (call) => call.teamId,
    end_user_hash: (call) => call.endUserHash,
    upstream_id: (call) => call.upstreamId,
    worker_id: (call) => call.workerId,
    received_at_ms: (call) => call.receivedAtMs,
    duration_ms: (call) => call.durationMs,
    queue_ms: (call) => call.queueMs,
    ttft_ms: (call) => call.ttftMs,
    exec_ms: (call) => call.execMs,
    overhead_ms: (call) => call.overheadMs,
    stream_ms: (call) => call.streamMs,
    prompt_tokens: (call) => call.usage.promptTokens,
    completion_tokens: (call) => call.usage.completionTokens,
    cached_tokens: (call) => call.usage.cachedTokens,
    charge_nano_usd: (call) => call.chargeNanoUsd,
    gpu_seconds: (call) => call.gpuSeconds,
  },
}

const attemptColumns: Columns<AttemptRecord> = {
  shared: {
    ordinal: (attempt) => attempt.ordinal,
    model: (attempt) => attempt.model,
    deployment: (attempt) => attempt.deployment,
    transport: (attempt) => attempt.transport,
    result: (attempt) => attempt.result,
    fault: (attempt) => attempt.fault,
    released: (attempt) => attempt.released,
    cancellation: (attempt) => attempt.cancellation,
    // Nothing, in an attempt that was good for something.
    wasted_seconds: (attempt) => attempt.wastedSeconds,
    waste_reason: (attempt) => attempt.wasteReason,
  },
  own: {
    request_id: (attempt) => attempt.requestId,
    started_at_ms: (attempt) => attempt.startedAtMs,
    duration_ms: (attempt) => attempt.durationMs,
  },
}
