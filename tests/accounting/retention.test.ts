// Forgetting what is older than it need be kept, bit by bit, while the ledger is written.
import { expect, onTestFinished, test } from 'vitest'
import { openLedger, verifyLedger } from '#src/accounting/index.ts'
import { openLedgerDatabase } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleAttempt, sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000

function given(ledgerDays: number | null) {
  const storage = temporaryStorage({ busyTimeoutMs: 0 })
  const clock = createFakeClock()
  const ledger = openLedger({ ...storage, ledgerDays }, clock)
  const other = openLedgerDatabase(storage)
  onTestFinished(async () => {
    other.close()
    await ledger.close()
  })
  const ids = (table = 'calls') =>
    other.prepare<[], string>(`select request_id from ${table} order by request_id`).pluck().all()
  return {
    storage,
    clock,
    ledger,
    other,
    ids,
    /** A call of so many days ago, with an attempt and a posting. */
    async call(requestId: string, daysAgo: number) {
      const atMs = clock.nowMs() - daysAgo * dayMs
      await ledger.append(sampleCall({ requestId, receivedAtMs: atMs, attempts: 1 }))
      ledger.appendAttempt(sampleAttempt({ requestId, startedAtMs: atMs + 10 }))
      await ledger.flush()
      const posting = 'insert into cost_postings values (null, ?, ?, 5, ?, ?)'
      other.prepare(posting).run(requestId, 'boot', 'billing', atMs + dayMs)
    },
  }
}

test('calls of before go with all that belongs to them, and the ledger is whole', async () => {
  const { storage, clock, ids, call } = given(30)
  await call('old', 31)
  await call('edge', 30)
  await call('new', 1)
  await clock.advance(61_000)
  for (const table of ['calls', 'attempts', 'cost_postings']) expect(ids(table)).toEqual(['new'])
  expect(verifyLedger(storage, clock.nowMs())).toMatchObject({ calls: 1, problems: [] })
})

test('a call stays to the millisecond of its last day', async () => {
  const { clock, ids, call } = given(30)
  await call('edge', 30 - 1 / 24)
  await clock.advance(60_000)
  expect(ids()).toEqual(['edge'])
  await clock.advance(hourMs)
  expect(ids()).toEqual([])
})

test('without retention nothing ever goes', async () => {
  const { clock, ids, call } = given(null)
  await call('old', 5000)
  await clock.advance(10 * hourMs)
  expect(ids()).toEqual(['old'])
})

test('a year’s calls go a hundred at a time, with room for others between', async () => {
  const { clock, ledger, ids } = given(1)
  const receivedAtMs = clock.nowMs() - 3 * dayMs
  for (let n = 0; n < 1050; n += 1) {
    void ledger.append(sampleCall({ requestId: `req_${n}`, receivedAtMs: receivedAtMs + n }))
  }
  await ledger.flush()
  await clock.advance(60_000)
  expect(ids()).toHaveLength(950)
  await ledger.append(sampleCall({ requestId: 'req_now', receivedAtMs: clock.nowMs() }))
  await clock.advance(25)
  expect(ids()).toHaveLength(851)
  await clock.advance(1000)
  expect(ids()).toEqual(['req_now'])
})

test('a busy file is no end of it: the next hour tries again', async () => {
  const { clock, other, ids, call } = given(1)
  await call('old', 3)
  other.exec('begin immediate')
  await clock.advance(60_000)
  other.exec('rollback')
  expect(ids()).toEqual(['old'])
  await clock.advance(hourMs)
  expect(ids()).toEqual([])
})

test('says up to when it has forgotten, and only forward', async () => {
  const { storage, clock, call } = given(30)
  expect(verifyLedger(storage, clock.nowMs()).forgottenUntilMs).toBeNull()
  await call('old', 40)
  await clock.advance(60_000)
  const { forgottenUntilMs } = verifyLedger(storage, clock.nowMs())
  expect(forgottenUntilMs).toBe(clock.nowMs() - 30 * dayMs)
})
