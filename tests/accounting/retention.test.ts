// Forgetting what is older than it need be kept, bit by bit, while the ledger is written.
import { expect, onTestFinished, test } from 'vitest'
import { openLedger, verifyLedger } from '#src/accounting/index.ts'
import { type LedgerNews, openLedgerDatabase } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleAttempt, sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000

async function given(ledgerDays: number | null, storage = temporaryStorage({ busyTimeoutMs: 0 })) {
  const clock = createFakeClock()
  const news: LedgerNews[] = []
  const onNews = (one: LedgerNews) => void news.push(one)
  const ledger = await openLedger({ ...storage, ledgerDays, onNews }, clock)
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
    news,
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
  const { storage, clock, ids, call } = await given(30)
  await call('old', 31)
  await call('edge', 30)
  await call('new', 1)
  await clock.advance(61_000)
  for (const table of ['calls', 'attempts', 'cost_postings']) expect(ids(table)).toEqual(['new'])
  expect(verifyLedger(storage, clock.nowMs())).toMatchObject({ calls: 1, problems: [] })
})

test('a call stays to the millisecond of its last day', async () => {
  const { clock, ids, call } = await given(30)
  await call('edge', 30 - 1 / 24)
  await call('new', 1)
  await clock.advance(60_000)
  expect(ids()).toEqual(['edge', 'new'])
  await clock.advance(hourMs)
  expect(ids()).toEqual(['new'])
})

test('without retention nothing ever goes', async () => {
  const { clock, ids, call } = await given(null)
  await call('old', 5000)
  await clock.advance(10 * hourMs)
  expect(ids()).toEqual(['old'])
})

test('a year’s calls go a hundred at a time, with room for others between', async () => {
  const { clock, ledger, ids } = await given(1)
  const receivedAtMs = clock.nowMs() - 3 * dayMs
  for (let n = 0; n < 1050; n += 1) {
    void ledger.append(sampleCall({ requestId: `req_${n}`, receivedAtMs: receivedAtMs + n }))
  }
  await ledger.append(sampleCall({ requestId: 'req_before', receivedAtMs: clock.nowMs() }))
  await clock.advance(60_000)
  expect(ids()).toHaveLength(951)
  await ledger.append(sampleCall({ requestId: 'req_now', receivedAtMs: clock.nowMs() }))
  await clock.advance(25)
  expect(ids()).toHaveLength(852)
  await clock.advance(1000)
  expect(ids()).toEqual(['req_before', 'req_now'])
})

test('a busy file is no end of it: that is told, and the next hour tries again', async () => {
  const { clock, news, other, ids, call } = await given(1)
  await call('old', 3)
  await call('new', 0)
  other.exec('begin immediate')
  await clock.advance(60_000)
  other.exec('rollback')
  expect(ids()).toEqual(['new', 'old'])
  expect(news).toMatchObject([{ kind: 'failed', cause: { code: 'SQLITE_BUSY' } }])
  await clock.advance(hourMs)
  expect(ids()).toEqual(['new'])
  expect(news).toHaveLength(2)
})

test('says up to when it has forgotten, and not a moment more', async () => {
  const { storage, clock, news, call } = await given(30)
  expect(verifyLedger(storage, clock.nowMs()).forgottenUntilMs).toBeNull()
  const oldMs = clock.nowMs() - 40 * dayMs
  await call('old', 40)
  await call('older', 50)
  await call('new', 1)
  await clock.advance(60_000)
  expect(verifyLedger(storage, clock.nowMs()).forgottenUntilMs).toBe(oldMs + 1)
  expect(news).toEqual([{ kind: 'deleted', calls: 2, untilMs: clock.nowMs() - 30 * dayMs }])
})

test('where nothing is old enough, nothing is said to be forgotten', async () => {
  const { storage, clock, news, ids, call } = await given(30)
  await call('new', 1)
  await clock.advance(60_000 + hourMs)
  expect(ids()).toEqual(['new'])
  expect(news).toEqual([])
  expect(verifyLedger(storage, clock.nowMs()).forgottenUntilMs).toBeNull()
})

test('of many turns one line is told, also where the gateway stops between them', async () => {
  const { clock, news, ledger } = await given(1)
  for (let n = 0; n < 250; n += 1) {
    const receivedAtMs = clock.nowMs() - 3 * dayMs + n
    void ledger.append(sampleCall({ requestId: `req_${n}`, receivedAtMs }))
  }
  await ledger.append(sampleCall({ requestId: 'req_now', receivedAtMs: clock.nowMs() }))
  await clock.advance(60_025)
  expect(news).toEqual([])
  await ledger.close()
  expect(news).toMatchObject([{ kind: 'deleted', calls: 200 }])
})

test('a clock that would take every call is not believed, whoever calls afterwards', async () => {
  const { clock, news, storage, ids, call } = await given(30)
  await call('one', 35)
  await call('two', 31)
  const newestMs = clock.nowMs() - 31 * dayMs
  await clock.advance(60_000)
  expect(ids()).toEqual(['one', 'two'])
  expect(news).toMatchObject([{ kind: 'refused', newestMs }])
  await call('now', 0)
  await clock.advance(2 * hourMs)
  expect(ids()).toEqual(['now', 'one', 'two'])
  expect(news.map(({ kind }) => kind)).toEqual(['refused', 'refused', 'refused'])
  expect(verifyLedger(storage, clock.nowMs()).forgottenUntilMs).toBeNull()
})

test('a clock that was wrong at the start is not believed for calls of that time', async () => {
  const storage = temporaryStorage({ busyTimeoutMs: 0 })
  const first = await given(30, storage)
  await first.call('of before', 200)
  await first.ledger.close()
  const { clock, ids, call, news } = await given(30, storage)
  await call('now', 0)
  await clock.advance(60_000)
  expect(ids()).toEqual(['now', 'of before'])
  expect(news).toMatchObject([{ kind: 'refused' }])
})

test('the next start believes it: calls have gone on, so the clock was right', async () => {
  const storage = temporaryStorage({ busyTimeoutMs: 0 })
  const first = await given(30, storage)
  await first.call('of before', 200)
  await first.call('now', 0)
  await first.ledger.close()
  const { clock, ids } = await given(30, storage)
  await clock.advance(60_000)
  expect(ids()).toEqual(['now'])
})
