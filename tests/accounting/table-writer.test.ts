// Rows that are alike go into statements made for them. Whatever comes in whatever order, the file
// holds what the records say.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AttemptRecord, CallRecord } from '#src/domain/index.ts'
import { callNumber, ledgerAtHand } from '../support/ledger-at-hand.ts'
import { sampleAttempt } from '../support/sample-records.ts'

const common: Partial<CallRecord> = {
  clientRequestId: null,
  upstreamId: null,
  gpuSeconds: null,
  coldStart: false,
}

/** What is read back of a call: its shape, and what was bound. */
function seen(row: Record<string, unknown>): unknown[] {
  const { request_id, model, client_request_id, gpu_seconds, stream, duration_ms, fault } = row
  return [request_id, model, client_request_id, gpu_seconds, stream, duration_ms, fault]
}

function expected(call: CallRecord): unknown[] {
  const { requestId, model, clientRequestId, gpuSeconds, stream, durationMs, fault } = call
  return [requestId, model, clientRequestId, gpuSeconds, Number(stream), durationMs, fault]
}

async function written(calls: readonly CallRecord[], perTurn: number): Promise<unknown[][]> {
  const { ledger, rows } = await ledgerAtHand()
  for (let at = 0; at < calls.length; at += perTurn) {
    await Promise.all(calls.slice(at, at + perTurn).map((call) => ledger.append(call)))
  }
  return rows().map(seen).toSorted(byId)
}

function byId(one: unknown[], other: unknown[]): number {
  return Number(String(one[0]).slice(4)) - Number(String(other[0]).slice(4))
}

const changes = fc.record({
  model: fc.constantFrom('phi-2', 'org/mixtral', "it's", 'ünïcode'),
  clientRequestId: fc.constantFrom(null, null, "a'b", ''),
  gpuSeconds: fc.constantFrom(null, 0, 1.5),
  stream: fc.boolean(),
  durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
  fault: fc.constantFrom(null, null, 'client_gone' as const),
})

test('what is read is what was written, whatever shapes come in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(changes, { minLength: 1, maxLength: 80 }),
      fc.integer({ min: 1, max: 30 }),
      async (list, perTurn) => {
        const calls = list.map((change, id) => callNumber(id, { ...common, ...change }))
        expect(await written(calls, perTurn)).toEqual(calls.map(expected))
      },
    ),
    { numRuns: 40 },
  )
}, 60_000)

test('more shapes than are kept, and one after the other out of use', async () => {
  const calls = Array.from({ length: 3000 }, (_, id) => {
    const shape = id < 1500 ? id % 50 : 50 + (id % 3)
    return callNumber(id, { ...common, model: `model-${shape}` })
  })
  expect(await written(calls, 100)).toEqual(calls.map(expected))
})

test('of many rows alike, only those that the table refuses are told so', async () => {
  const { ledger, rows } = await ledgerAtHand()
  await Promise.all([1, 2, 3].map((id) => ledger.append(callNumber(id, common))))
  const wrong = new Map<number, Partial<CallRecord>>([
    [12, { chargeNanoUsd: 0.5 }],
    [21, { requestId: 'req_1' }],
    [22, { requestId: 'req_20' }],
    // What its type forbids, and no statement must be made of.
    [30, { usage: undefined as never }],
    [33, { fault: true as never }],
    [34, { fault: true as never }],
  ])
  const ids = Array.from({ length: 30 }, (_, at) => at + 10)
  const ends = await Promise.allSettled(
    ids.map((id) => ledger.append(callNumber(id, { ...common, ...wrong.get(id) }))),
  )
  const refused = ids.filter((_, at) => ends[at]?.status === 'rejected')
  expect(refused).toEqual([12, 21, 22, 30, 33, 34])
  expect(rows()).toHaveLength(27)
  expect(ledger.state()).toBe('ok')
})

test('attempts are kept in their order, alike or not', async () => {
  const { ledger, rows } = await ledgerAtHand()
  const models = [...'aaaaaaaaaaabababaaaaaaaaaaaacbaaaaaaaaaa']
  const attempts = models.map((model, at): AttemptRecord => {
    const fault = model === 'c' ? 'client_gone' : null
    return sampleAttempt({ requestId: `req_${at}`, model, fault, durationMs: at + 0.5 })
  })
  for (const attempt of attempts) ledger.appendAttempt(attempt)
  await ledger.flush()
  const found = rows('attempts').map((row) => [row.id, row.request_id, row.model, row.duration_ms])
  expect(found).toEqual(models.map((model, at) => [at + 1, `req_${at}`, model, at + 0.5]))
})
