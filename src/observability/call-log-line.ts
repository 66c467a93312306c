// A call's one line in the log: the names are part of the product, dashboards are built on them.
import { type CallRecord, usdFromNanoUsd } from '#domain'

export function callLogLine(record: CallRecord): object {
  const { usage } = record
  return {
    request_id: record.requestId,
    client_request_id: record.clientRequestId,
    event: 'call',
    key_id: record.keyId,
    team_id: record.teamId,
    surface: record.surface,
    model: record.model,
    deployment: record.deployment,
    transport: record.transport,
    upstream_id: record.upstreamId,
    worker_id: record.workerId,
    status: record.status,
    outcome: record.outcome,
    duration_ms: toMicroseconds(record.durationMs),
    queue_ms: toMicroseconds(record.queueMs),
    ttft_ms: toMicroseconds(record.ttftMs),
    exec_ms: toMicroseconds(record.execMs),
    overhead_ms: toMicroseconds(record.overheadMs),
    tokens: {
      prompt: usage.promptTokens,
      completion: usage.completionTokens,
      total: usage.promptTokens + usage.completionTokens,
      cached: usage.cachedTokens,
      source: usage.source,
    },
    cost_usd: usdFromNanoUsd(record.chargeNanoUsd),
    gpu_seconds: record.gpuSeconds,
    stream: record.stream,
    attempts: record.attempts,
    error_code: record.errorCode,
  }
}

/** Three decimals: more is noise that makes lines long. */
function toMicroseconds(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1000) / 1000
}
