// The ledger writes every field to its own column and all rows of one turn in one transaction, and
// it leaves a clean file when it closes. A second connection reads the rows.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '#src/accounting/index.ts'
import { ledgerPathOf, openLedgerDatabase } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { callNumber, ledgerAtHand } from '../support/ledger-at-hand.ts'
import { sampleAttempt, sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { until } from '../support/until.ts'

test('has every field of a record, each in its own column', async () => {
  const { ledger, rows } = await ledgerAtHand()
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
  const { ledger, rows } = await ledgerAtHand()
  ledger.appendAttempt(sampleAttempt({ why: 'cold' }))
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
      why: 'cold',
    },
  ])
})

test('an append that resolved is there for everyone to see', async () => {
  const { ledger, rows } = await ledgerAtHand()
  const appending = ledger.append(callNumber(1))
  expect(rows()).toHaveLength(0)
  await appending
  expect(rows()).toHaveLength(1)
})

test('all rows of one turn are one transaction', async () => {
  const { ledger, path } = await ledgerAtHand()
  const before = commitsIn(`${path}-wal`)
  await Promise.all(Array.from({ length: 100 }, (_, id) => ledger.append(callNumber(id))))
  expect(commitsIn(`${path}-wal`)).toBe(before + 1)
})

/** Of a journal's frames (24 bytes and a page each), those that end a transaction name a size. */
function commitsIn(journal: string): number {
  const bytes = readFileSync(journal)
  const frameBytes = 24 + bytes.readUInt32BE(8)
  let commits = 0
  for (let at = 32; at < bytes.length; at += frameBytes) {
    if (bytes.readUInt32BE(at + 4) > 0) commits += 1
  }
  return commits
}

test('a row that the table refuses rejects alone, and the others of its turn are kept', async () => {
  const { ledger, rows } = await ledgerAtHand()
  await ledger.append(callNumber(1))
  const ends = await Promise.allSettled([
    ledger.append(callNumber(2)),
    ledger.append(callNumber(1)),
    ledger.append(callNumber(3, { chargeNanoUsd: 0.5 })),
    ledger.append(callNumber(4)),
  ])
  expect(ends.map((end) => end.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect(rows().map((row) => row.request_id)).toEqual(['req_1', 'req_2', 'req_4'])
  expect(ends[1]).toMatchObject({ reason: { kind: 'internal' } })
  expect(ledger.state()).toBe('ok')
})

test('closing writes what waits, folds the journal into the file and refuses what comes', async () => {
  const options = temporaryStorage()
  const clock = createFakeClock()
  const ledger = await openLedger(options, clock)
  const appending = ledger.append(callNumber(1))
  await ledger.close()
  await appending
  expect(clock.pending()).toBe(0)
  const file = new Database(ledgerPathOf(options), { readonly: true })
  onTestFinished(() => void file.close())
  expect(file.prepare('select count(*) as rows from calls').get()).toEqual({ rows: 1 })
  await expect(ledger.append(callNumber(2))).rejects.toMatchObject({ kind: 'ledger_unavailable' })
  await ledger.close()
})

test('folds the journal into the file when it is quiet, and never within a commit', async () => {
  const { ledger, clock, path } = await ledgerAtHand()
  await ledger.append(callNumber(1))
  const before = statSync(path).size
  for (let id = 2; id < 200; id += 1) await ledger.append(callNumber(id))
  expect(statSync(path).size).toBe(before)
  await clock.advance(3000)
  await until('the file has grown', () => statSync(path).size > before)
})

test('what cannot be opened leaves no timer behind, and no open file', async () => {
  const storage = { ...temporaryStorage(), ledgerDays: 30 }
  openLedgerDatabase(storage).close()
  const db = new Database(ledgerPathOf(storage))
  db.exec('drop table attempts')
  const clock = createFakeClock()
  await expect(openLedger(storage, clock)).rejects.toThrow(/no such table: attempts/)
  expect(clock.pending()).toBe(0)
  // Nobody else has it open: only then may the journal's mode be changed.
  expect(db.pragma('journal_mode = delete', { simple: true })).toBe('delete')
  db.close()
})

test('a file that is damaged where only the ledger looks is named', async () => {
  const storage = { ...temporaryStorage(), ledgerDays: 30 }
  openLedgerDatabase(storage).close()
  const path = ledgerPathOf(storage)
  const db = new Database(path)
  const size = Number(db.pragma('page_size', { simple: true }))
  const root = db.prepare<[], number>(
    "select rootpage from sqlite_master where name = 'calls_by_time'",
  )
  const page = Number(root.pluck().get())
  db.close()
  writeFileSync(path, readFileSync(path).fill(0xff, (page - 1) * size, page * size))
  await expect(openLedger(storage, createFakeClock())).rejects.toThrow(
    `${path}, Podgate’s ledger, cannot be opened: database disk image is malformed`,
  )
})
