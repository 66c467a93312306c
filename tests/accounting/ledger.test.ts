import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { type Ledger, type LedgerOptions, openLedger } from '#src/accounting/index.ts'
import type { CallRecord } from '#src/domain/index.ts'
import { ledgerPathOf } from '#src/storage/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { sampleAttempt, sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

interface Given {
  ledger: Ledger
  clock: FakeClock
  path: string
  rows(table?: string): Record<string, unknown>[]
  /** Another process holds the write lock until this is called. */
  lock(): () => void
}

function given(changes: Partial<LedgerOptions> = {}): Given {
  const options = { ...temporaryStorage({ busyTimeoutMs: 0 }), ...changes }
  const clock = createFakeClock()
  const ledger = openLedger(options, clock)
  const path = ledgerPathOf(options)
  const other = new Database(path)
  onTestFinished(async () => {
    other.close()
    await ledger.close()
  })
  return {
    ledger,
    clock,
    path,
    rows: (table = 'calls') =>
      other.prepare<[], Record<string, unknown>>(`select * from ${table}`).all(),
    lock() {
      other.exec('begin immediate')
      return () => void other.exec('rollback')
    },
  }
}

function call(id: number, changes: Partial<CallRecord> = {}): CallRecord {
  return sampleCall({ requestId: `req_${id}`, ...changes })
}

/** How an append ended so far. */
function followed(appending: Promise<void>): { is: string; fault?: unknown } {
  const end: { is: string; fault?: unknown } = { is: 'waiting' }
  appending.then(
    () => {
      end.is = 'committed'
    },
    (fault) => {
      end.is = 'rejected'
      end.fault = fault
    },
  )
  return end
}

test('has every field of a record, each in its own column', async () => {
  const { ledger, rows } = given()
  await ledger.append(sampleCall())
  expect(rows()).toEqual([
    {
      request_id: 'req_1',
      client_request_id: 'client-1',
      key_id: 'key_1',
      team_id: 'team-1',
      end_user_hash: 'e11d',
      surface: 'openai-chat',
      model: 'phi-2',
      deployment: 'phi-2-here',
      transport: 'openai-route',
      upstream_id: 'job-1',
      worker_id: 'worker-1',
      received_at_ms: 1_700_000_000_000,
      status: 200,
      outcome: 'ok',
      error_code: null,
      fault: null,
      stream: 1,
      attempts: 2,
      duration_ms: 1234.5,
      queue_ms: 11.25,
      ttft_ms: 321.5,
      exec_ms: 987,
      overhead_ms: 0.75,
      stream_ms: 654,
      cold_start: 1,
      prompt_tokens: 100,
      completion_tokens: 40,
      cached_tokens: 30,
      usage_source: 'reported',
      prompt_nano_usd: 2000,
      completion_nano_usd: 6000,
      cached_nano_usd: 1000,
      charge_nano_usd: 410_000,
      gpu_seconds: 4.5,
      possible_orphan: 0,
    },
  ])
})

test('has a row for every attempt, whenever it comes', async () => {
  const { ledger, rows } = given()
  ledger.appendAttempt(sampleAttempt())
  await ledger.flush()
  expect(rows('attempts')).toEqual([
    {
      id: 1,
      request_id: 'req_1',
      ordinal: 1,
      model: 'phi-2',
      deployment: 'phi-2-here',
      transport: 'openai-route',
      started_at_ms: 1_700_000_000_000,
      duration_ms: 1000.5,
      result: 'abandoned',
      fault: 'client_gone',
      released: 'destroyed',
      cancellation: 'proven',
      wasted_seconds: 1.5,
      waste_reason: 'client_gone',
    },
  ])
})

test('an append that resolved is there for everyone to see', async () => {
  const { ledger, rows } = given()
  const appending = ledger.append(call(1))
  expect(rows()).toHaveLength(0)
  await appending
  expect(rows()).toHaveLength(1)
})

test('all rows of one turn are one transaction', async () => {
  const { ledger, path } = given()
  const reader = new Database(path, { readonly: true })
  onTestFinished(() => void reader.close())
  const version = () => Number(reader.pragma('data_version', { simple: true }))
  const before = version()
  await Promise.all(Array.from({ length: 100 }, (_, id) => ledger.append(call(id))))
  expect(version()).toBe(before + 1)
})

test('a row that the table refuses rejects alone, and the others of its turn are kept', async () => {
  const { ledger, rows } = given()
  await ledger.append(call(1))
  const ends = await Promise.allSettled([
    ledger.append(call(2)),
    ledger.append(call(1)),
    ledger.append(call(3, { chargeNanoUsd: 0.5 })),
    ledger.append(call(4)),
  ])
  expect(ends.map((end) => end.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect(rows().map((row) => row.request_id)).toEqual(['req_1', 'req_2', 'req_4'])
  expect(ends[1]).toMatchObject({ reason: { kind: 'internal' } })
  expect(ledger.state()).toBe('ok')
})

test('holds an answer’s end while the file is locked, and lets it go when it is free', async () => {
  const { ledger, clock, lock, rows } = given()
  const unlock = lock()
  const end = followed(ledger.append(call(1)))
  await clock.advance(4900)
  expect(end.is).toBe('waiting')
  expect(ledger.state()).toBe('ok')
  unlock()
  await clock.advance(100)
  expect(end.is).toBe('committed')
  expect(rows()).toHaveLength(1)
})

test('tells the call after holdMs, is failing until a write succeeds, and says why', async () => {
  const { ledger, clock, lock } = given({ holdMs: 1000 })
  const states: [string, unknown][] = []
  ledger.onStateChange((state, cause) => states.push([state, cause]))
  const unlock = lock()
  const end = followed(ledger.append(call(1)))
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
  const { ledger, clock, lock, rows } = given({ holdMs: 1000 })
  const unlock = lock()
  followed(ledger.append(call(1, { stream: true })))
  followed(ledger.append(call(2, { stream: false })))
  followed(ledger.append(call(3, { outcome: 'client_gone', status: 499, fault: 'client_gone' })))
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
  const { ledger, clock, lock, rows } = given({ rowsWaitingMax: 3 })
  const unlock = lock()
  const ends = [1, 2, 3, 4].map((id) => followed(ledger.append(call(id))))
  await clock.advance(0)
  expect(ends.map((end) => end.is)).toEqual(['waiting', 'waiting', 'waiting', 'rejected'])
  expect(ledger.state()).toBe('failing')
  unlock()
  await clock.advance(100)
  expect(rows().map((row) => row.request_id)).toEqual(['req_1', 'req_2', 'req_3'])
  expect(ledger.state()).toBe('ok')
})

test('many waiting rows are written in their order', async () => {
  const { ledger, clock, lock, rows } = given()
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
  const { ledger, clock, lock } = given()
  const unlock = lock()
  followed(ledger.append(call(1)))
  await clock.advance(0)
  const timers = clock.pending()
  for (let id = 2; id < 10; id += 1) {
    followed(ledger.append(call(id)))
    await clock.advance(0)
  }
  expect(clock.pending()).toBe(timers)
  unlock()
  await clock.advance(100)
})

test('closing writes what waits, folds the journal into the file and refuses what comes', async () => {
  const options = temporaryStorage()
  const clock = createFakeClock()
  const ledger = openLedger(options, clock)
  const appending = ledger.append(call(1))
  await ledger.close()
  await appending
  expect(clock.pending()).toBe(0)
  const file = new Database(ledgerPathOf(options), { readonly: true })
  onTestFinished(() => void file.close())
  expect(file.prepare('select count(*) as rows from calls').get()).toEqual({ rows: 1 })
  await expect(ledger.append(call(2))).rejects.toMatchObject({ kind: 'ledger_unavailable' })
  await ledger.close()
})

test('closing while the file is locked ends after holdMs and tells what was lost', async () => {
  const options = temporaryStorage({ busyTimeoutMs: 0 })
  const clock = createFakeClock()
  const ledger = openLedger({ ...options, holdMs: 1000 }, clock)
  const other = new Database(ledgerPathOf(options))
  onTestFinished(() => void other.close())
  other.exec('begin immediate')
  const end = followed(ledger.append(call(1)))
  const closing = followed(ledger.close())
  await clock.advance(1100)
  expect(end.is).toBe('rejected')
  expect(closing).toMatchObject({
    is: 'rejected',
    fault: { message: 'The ledger was closed with 1 rows that could not be written.' },
  })
  expect(clock.pending()).toBe(0)
})

test('folds the journal into the file when it is quiet, and never within a commit', async () => {
  const { ledger, clock, path } = given()
  await ledger.append(call(1))
  const before = statSync(path).size
  for (let id = 2; id < 200; id += 1) await ledger.append(call(id))
  expect(statSync(path).size).toBe(before)
  await clock.advance(3000)
  expect(statSync(path).size).toBeGreaterThan(before)
})
