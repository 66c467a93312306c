// Another connection locks the ledger's file: how long a call's end waits for its row, which rows
// are refused, and what is written once the file is free. The clock is fake.
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '#src/accounting/index.ts'
import { ledgerPathOf } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { callNumber, followed, ledgerAtHand } from '../support/ledger-at-hand.ts'
import { sampleAttempt } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

test('holds an answer’s end while the file is locked, and lets it go when it is free', async () => {
  const { ledger, clock, lock, rows } = await ledgerAtHand()
  const unlock = lock()
  const end = followed(ledger.append(callNumber(1)))
  await clock.advance(4900)
  expect(end.is).toBe('waiting')
  expect(ledger.state()).toBe('ok')
  unlock()
  await clock.advance(100)
  expect(end.is).toBe('committed')
  expect(rows()).toHaveLength(1)
})

test('tells the call after ledgerHoldMs, is failing until a write succeeds, and says why', async () => {
  const { ledger, clock, lock } = await ledgerAtHand({ ledgerHoldMs: 1000 })
  const states: [string, unknown][] = []
  ledger.onStateChange((state, cause) => states.push([state, cause]))
  const unlock = lock()
  const end = followed(ledger.append(callNumber(1)))
  await clock.advance(999)
  expect(end.is).toBe('waiting')
  await clock.advance(101)
  expect(end).toMatchObject({ is: 'rejected', fault: { kind: 'ledger_unavailable' } })
  expect(ledger.state()).toBe('failing')
  unlock()
  await clock.advance(100)
  expect(ledger.state()).toBe('ok')
  expect(states.map(([state]) => state)).toEqual(['failing', 'ok'])
  expect(states[0]?.[1]).toMatchObject({ code: 'SQLITE_BUSY' })
})

test('a row that came too late is written as what its client saw', async () => {
  const { ledger, clock, lock, rows } = await ledgerAtHand({ ledgerHoldMs: 1000 })
  const unlock = lock()
  followed(ledger.append(callNumber(1, { stream: true })))
  followed(ledger.append(callNumber(2, { stream: false })))
  followed(
    ledger.append(callNumber(3, { outcome: 'client_gone', status: 499, fault: 'client_gone' })),
  )
  await clock.advance(2000)
  unlock()
  await clock.advance(100)
  const seen = rows().map((row) => [row.outcome, row.status, row.fault, row.charge_nano_usd])
  expect(seen).toEqual([
    ['failed', 200, 'ledger_unavailable', 410_000],
    ['failed', 503, 'ledger_unavailable', 0],
    ['client_gone', 499, 'client_gone', 410_000],
  ])
})

test('what waits is bounded: one more is refused at once', async () => {
  const { ledger, clock, lock, rows } = await ledgerAtHand({ rowsWaitingMax: 3 })
  const unlock = lock()
  const ends = [1, 2, 3, 4].map((id) => followed(ledger.append(callNumber(id))))
  await clock.advance(0)
  expect(ends.map((end) => end.is)).toEqual(['waiting', 'waiting', 'waiting', 'rejected'])
  expect(ledger.state()).toBe('failing')
  unlock()
  await clock.advance(100)
  expect(rows().map((row) => row.request_id)).toEqual(['req_1', 'req_2', 'req_3'])
  expect(ledger.state()).toBe('ok')
})

test('many waiting rows are written in their order', async () => {
  const { ledger, clock, lock, rows } = await ledgerAtHand()
  const unlock = lock()
  for (let ordinal = 0; ordinal < 2500; ordinal += 1)
    ledger.appendAttempt(sampleAttempt({ ordinal }))
  await clock.advance(0)
  unlock()
  const flushed = ledger.flush()
  await clock.advance(100)
  await flushed
  expect(rows('attempts').map((row) => row.ordinal)).toEqual(
    Array.from({ length: 2500 }, (_, i) => i),
  )
})

test('while the file is locked, only the retry timer tries', async () => {
  const { ledger, clock, lock } = await ledgerAtHand()
  const unlock = lock()
  followed(ledger.append(callNumber(1)))
  await clock.advance(0)
  const timers = clock.pending()
  for (let id = 2; id < 10; id += 1) {
    followed(ledger.append(callNumber(id)))
    await clock.advance(0)
  }
  expect(clock.pending()).toBe(timers)
  unlock()
  await clock.advance(100)
})

test('closing while the file is locked ends after ledgerHoldMs and tells what was lost', async () => {
  const options = temporaryStorage({ busyTimeoutMs: 0 })
  const clock = createFakeClock()
  const ledger = await openLedger({ ...options, ledgerHoldMs: 1000 }, clock)
  const other = new Database(ledgerPathOf(options))
  onTestFinished(() => void other.close())
  other.exec('begin immediate')
  const old = followed(ledger.append(callNumber(1)))
  await clock.advance(900)
  const young = followed(ledger.append(callNumber(2)))
  const closing = followed(ledger.close())
  await clock.advance(100)
  const lost = { is: 'rejected', fault: { kind: 'ledger_unavailable' } }
  expect([old, young]).toMatchObject([lost, lost])
  expect(closing).toMatchObject({
    is: 'rejected',
    fault: { message: 'The ledger was closed with 2 rows that could not be written.' },
  })
  // Nobody tries again on a file that is closed.
  expect(clock.pending()).toBe(0)
})
