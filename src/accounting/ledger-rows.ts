// Records as rows. The names of a table's columns and their values come from one list, so that they
// cannot get out of step.
import type { AttemptRecord, CallRecord } from '#domain'
import type { Batch, LedgerTables, SqlValue } from '#storage'

interface CallRow {
  kind: 'call'
  record: CallRecord
}

interface AttemptRow {
  kind: 'attempt'
  record: AttemptRecord
}

export type LedgerRow = CallRow | AttemptRow

/** A table's columns, and where in a record their values are. */
interface Columns<R> {
  /** Usually the same in one row and the next. */
  shared: Readonly<Record<string, (record: R) => SqlValue>>
  /** Usually different, unless they are null. */
  own: Readonly<Record<string, (record: R) => SqlValue>>
}

/** The values of rows for the ledger's thread, and the rows themselves in the same order. */
export interface Packed<Row> {
  batch: Batch
  calls: Row[]
  attempts: Row[]
}

/** Refuses a row whose record cannot be read, and packs the others. */
export function pack<Row extends LedgerRow>(
  rows: readonly Row[],
  isAgain: boolean,
  refuse: (row: Row, cause: unknown) => void,
): Packed<Row> {
  const packed: Packed<Row> = {
    batch: { calls: [], attempts: [], isAgain },
    calls: [],
    attempts: [],
  }
  const { batch, calls, attempts } = packed
  for (const row of rows) {
    try {
      if (row.kind === 'call') {
        readInto(batch.calls, row.record, callReaders)
        calls.push(row)
      } else {
        readInto(batch.attempts, row.record, attemptReaders)
        attempts.push(row)
      }
    } catch (cause) {
      refuse(row, cause)
    }
  }
  return packed
}

function readInto<R>(
  values: SqlValue[],
  record: R,
  readers: readonly ((record: R) => SqlValue)[],
): void {
  const before = values.length
  try {
    for (const read of readers) values.push(readable(read(record)))
  } catch (cause) {
    values.length = before
    throw cause
  }
}

/** A value of another type would make the thread refuse the whole batch. */
function readable(value: unknown): SqlValue {
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value
  throw new TypeError(`A ${typeof value} is no value of a row.`)
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
    why: (attempt) => attempt.why,
    result: (attempt) => attempt.result,
    fault: (attempt) => attempt.fault,
    released: (attempt) => attempt.released,
    cancellation: (attempt) => attempt.cancellation,
    // 0 in most rows.
    wasted_seconds: (attempt) => attempt.wastedSeconds,
    waste_reason: (attempt) => attempt.wasteReason,
  },
  own: {
    request_id: (attempt) => attempt.requestId,
    started_at_ms: (attempt) => attempt.startedAtMs,
    duration_ms: (attempt) => attempt.durationMs,
  },
}

const callReaders = readersOf(callColumns)
const attemptReaders = readersOf(attemptColumns)

export const ledgerTables: LedgerTables = {
  calls: { table: 'calls', ...namesOf(callColumns), identity: ['request_id'] },
  attempts: {
    table: 'attempts',
    ...namesOf(attemptColumns),
    identity: ['request_id', 'ordinal'],
  },
}

function readersOf<R>({ shared, own }: Columns<R>) {
  return [...Object.values(shared), ...Object.values(own)]
}

function namesOf<R>({ shared, own }: Columns<R>) {
  const sharedNames = Object.keys(shared)
  return { names: [...sharedNames, ...Object.keys(own)], sharedCount: sharedNames.length }
}
