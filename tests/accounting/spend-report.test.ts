// The spend report sums the ledger's rows by model, key and deployment, also while the ledger is
// still written.
import { expect, onTestFinished, test } from 'vitest'
import { type Ledger, openLedger, spendReport } from '#src/accounting/index.ts'
import type { StorageOptions } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleAttempt, sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const nowMs = 1_700_000_000_000
const dayMs = 86_400_000

async function given(): Promise<{ options: StorageOptions; ledger: Ledger }> {
  const options = temporaryStorage()
  const ledger = await openLedger(options, createFakeClock())
  onTestFinished(() => ledger.close())
  return { options, ledger }
}

test('sums calls, tokens and charges by model, the dearest first', async () => {
  const { options, ledger } = await given()
  await ledger.append(sampleCall({ requestId: 'a', model: 'cheap', chargeNanoUsd: 5 }))
  await ledger.append(sampleCall({ requestId: 'b', model: 'dear', chargeNanoUsd: 70 }))
  await ledger.append(sampleCall({ requestId: 'c', model: 'cheap', chargeNanoUsd: 6 }))
  const report = spendReport(options, { days: 1, nowMs, detailed: false })
  const line = { promptTokens: 100, completionTokens: 40 }
  expect(report.models).toEqual([
    { ...line, name: 'dear', calls: 1, chargeNanoUsd: 70 },
    { name: 'cheap', calls: 2, promptTokens: 200, completionTokens: 80, chargeNanoUsd: 11 },
  ])
  expect(report.total).toMatchObject({ calls: 3, chargeNanoUsd: 81 })
  expect([report.keys, report.deployments]).toEqual([[], []])
})

test.each([
  ['the moment itself', nowMs, 1],
  ['the first moment of the period', nowMs - 7 * dayMs + 1, 1],
  ['a moment before it', nowMs - 7 * dayMs, 0],
  ['a moment that is still to come', nowMs + 1, 0],
])('a call received at %s', async (_what, receivedAtMs, calls) => {
  const { options, ledger } = await given()
  await ledger.append(sampleCall({ receivedAtMs }))
  expect(spendReport(options, { days: 7, nowMs, detailed: false }).total.calls).toBe(calls)
})

test('in detail it names keys and deployments with what was wasted', async () => {
  const { options, ledger } = await given()
  await ledger.append(sampleCall({ requestId: 'a', keyId: 'key_2', deployment: null }))
  await ledger.append(sampleCall({ requestId: 'b', keyId: 'key_1', deployment: 'here' }))
  const here = { deployment: 'here', wastedSeconds: 1.5 }
  ledger.appendAttempt(sampleAttempt({ ...here, requestId: 'b' }))
  ledger.appendAttempt(sampleAttempt({ ...here, requestId: 'a', wastedSeconds: 2 }))
  // Its call was cut by a crash.
  ledger.appendAttempt(sampleAttempt({ deployment: 'silent', wastedSeconds: 4 }))
  await ledger.flush()
  const report = spendReport(options, { days: 7, nowMs, detailed: true })
  const wasted = (lines: typeof report.keys) =>
    lines.map(({ name, wastedSeconds }) => [name, wastedSeconds])
  expect(wasted(report.deployments)).toEqual([
    ['(none)', 0],
    ['here', 3.5],
    ['silent', 4],
  ])
  expect(wasted(report.keys)).toEqual([
    ['key_1', 1.5],
    ['key_2', 2],
  ])
})

test('an empty ledger is a report of nothing; a missing one is told', async () => {
  const { options } = await given()
  const query = { days: 7, nowMs, detailed: true }
  expect(spendReport(options, query).total).toMatchObject({ calls: 0, chargeNanoUsd: 0 })
  expect(() => spendReport(temporaryStorage(), query)).toThrow(/^There is no ledger at .*: a gate/)
})

test('reads while the gateway writes, and after it has ended', async () => {
  const options = temporaryStorage()
  const ledger = await openLedger(options, createFakeClock())
  const calls = () => spendReport(options, { days: 7, nowMs, detailed: false }).total.calls
  await ledger.append(sampleCall({ requestId: 'a' }))
  expect(calls()).toBe(1)
  await ledger.append(sampleCall({ requestId: 'b' }))
  expect(calls()).toBe(2)
  await ledger.close()
  expect(calls()).toBe(2)
})
