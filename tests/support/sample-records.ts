// Records in which every field has a value of its own, so that two mixed up are seen.
import type { AttemptRecord, CallRecord } from '#src/domain/index.ts'

export function sampleCall(changes: Partial<CallRecord> = {}): CallRecord {
  return {
    requestId: 'req_1',
    clientRequestId: 'client-1',
    keyId: 'key_1',
    teamId: 'team-1',
    endUserHash: 'e11d',
    surface: 'openai-chat',
    model: 'phi-2',
    deployment: 'phi-2-here',
    transport: 'openai-route',
    upstreamId: 'job-1',
    workerId: 'worker-1',
    receivedAtMs: 1_700_000_000_000,
    status: 200,
    outcome: 'ok',
    errorCode: null,
    fault: null,
    stream: true,
    attempts: 2,
    durationMs: 1234.5,
    queueMs: 11.25,
    ttftMs: 321.5,
    execMs: 987,
    overheadMs: 0.75,
    streamMs: 654,
    coldStart: true,
    usage: { promptTokens: 100, completionTokens: 40, cachedTokens: 30, source: 'reported' },
    prices: { promptNanoUsd: 2000, completionNanoUsd: 6000, cachedNanoUsd: 1000 },
    chargeNanoUsd: 410_000,
    gpuSeconds: 4.5,
    possibleOrphan: false,
    ...changes,
  }
}

export function sampleAttempt(changes: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    requestId: 'req_1',
    keyId: 'key_1',
    ordinal: 1,
    model: 'phi-2',
    deployment: 'phi-2-here',
    transport: 'openai-route',
    why: null,
    startedAtMs: 1_700_000_000_000,
    durationMs: 1000.5,
    result: 'abandoned',
    fault: 'client_gone',
    released: 'destroyed',
    cancellation: 'proven',
    wastedSeconds: 1.5,
    wasteReason: 'client_gone',
    ...changes,
  }
}
