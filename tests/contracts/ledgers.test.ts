// What a ledger promises, wherever its file is written: in a thread of its own, as a gateway has it,
// or in the loop's own, as tests with a clock of theirs have it.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type LedgerOptions, openLedger } from '#src/accounting/index.ts'
import { systemClock } from '#src/domain/index.ts'
import {
  type LedgerNews,
  ledgerPathOf,
  openLedgerDatabase,
  type StorageOptions,
} from '#src/storage/index.ts'
import { callNumber, followed } from '../support/ledger-at-hand.ts'
import { sampleAttempt } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { until } from '../support/until.ts'

const dayMs = 86_400_000

describe.each([
  ['in a thread', systemClock],
  ['in the loop', { ...systemClock }],
])('a ledger %s', (_where, clock) => {
  async function given(changes: Partial<LedgerOptions> = {}) {
    const options = { ...temporaryStorage(), ledgerHoldMs: 400, ...changes }
    const ledger = await openLedger(options, clock)
    const path = ledgerPathOf(options)
    const other = new Database(path)
    onTestFinished(async () => {
      if (other.inTransaction) other.exec('rollback')
      other.close()
      await ledger.close()
    })
    const rows = (table = 'calls', order = 'request_id') =>
      other.prepare<[], Record<string, unknown>>(`select * from ${table} order by ${order}`).all()
    return { ledger, options, path, other, rows }
  }

  test('has what it acknowledged, at that moment and in its order', async () => {
    const { ledger, rows } = await given()
    for (let turn = 0; turn < 20; turn += 1) {
      ledger.appendAttempt(sampleAttempt({ requestId: `req_${turn}`, ordinal: 1 }))
      await ledger.append(callNumber(turn, { clientRequestId: "it's “so”", gpuSeconds: 0.1 }))
      expect(rows()).toHaveLength(turn + 1)
    }
    await ledger.flush()
    expect(rows('attempts', 'id').map(({ request_id }) => request_id)).toEqual(
      Array.from({ length: 20 }, (_, turn) => `req_${turn}`),
    )
    expect(rows()[0]).toMatchObject({ client_request_id: "it's “so”", gpu_seconds: 0.1 })
  })

  test('refuses rows of its own mistake alone, each with its cause', async () => {
    const { ledger, rows } = await given()
    await ledger.append(callNumber(1))
    const ends = await Promise.allSettled([
      ledger.append(callNumber(2)),
      ledger.append(callNumber(1)),
      ledger.append(callNumber(3, { chargeNanoUsd: 0.5 })),
      ledger.append(callNumber(5, { fault: Symbol('of a foreign type') as never })),
      ledger.append(callNumber(4)),
    ])
    const refused = (cause: object) => ({ reason: { kind: 'internal', cause } })
    expect(ends).toMatchObject([
      { status: 'fulfilled' },
      refused({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY' }),
      refused({ message: expect.stringMatching(/cannot store REAL/) }),
      refused({ message: expect.stringMatching(/is no value of a row/) }),
      { status: 'fulfilled' },
    ])
    expect(rows().map((row) => row.request_id)).toEqual(['req_1', 'req_2', 'req_4'])
    expect(ledger.state()).toBe('ok')
  })

  test('waits for a file that another process has locked', async () => {
    const { ledger, other, rows } = await given({ ledgerHoldMs: 20_000 })
    other.exec('begin immediate')
    const end = followed(ledger.append(callNumber(1)))
    const sinceMs = performance.now()
    await until('some tries', () => performance.now() - sinceMs > 300)
    expect(end.is).toBe('waiting')
    other.exec('rollback')
    await until('the row is written', () => end.is === 'committed')
    expect(rows()).toHaveLength(1)
    expect(ledger.state()).toBe('ok')
  })

  test('fails the call in time, writes what its client saw, and is well again', async () => {
    const { ledger, other, rows } = await given()
    const states: [string, unknown][] = []
    ledger.onStateChange((state, cause) => states.push([state, cause]))
    other.exec('begin immediate')
    const sinceMs = performance.now()
    await expect(ledger.append(callNumber(1, { stream: false }))).rejects.toMatchObject({
      kind: 'ledger_unavailable',
    })
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(399)
    expect(states).toMatchObject([['failing', { code: 'SQLITE_BUSY' }]])
    other.exec('rollback')
    await ledger.flush()
    await until('the ledger is well', () => ledger.state() === 'ok')
    expect(rows()).toMatchObject([{ outcome: 'failed', status: 503, charge_nano_usd: 0 }])
    expect(states).toHaveLength(2)
  })

  test('closing while the file is locked ends, tells what was lost, and frees the file', async () => {
    const { ledger, other } = await given()
    other.exec('begin immediate')
    const end = followed(ledger.append(callNumber(1)))
    await expect(ledger.close()).rejects.toThrow(
      'The ledger was closed with 1 rows that could not be written.',
    )
    expect(end.is).toBe('rejected')
    other.exec('rollback')
    expect(other.pragma('journal_mode = delete', { simple: true })).toBe('delete')
  })

  test('closing writes what waits, and folds the journal into the file', async () => {
    const { ledger, other, path, rows } = await given()
    const ends = [1, 2, 3].map((id) => followed(ledger.append(callNumber(id))))
    await ledger.close()
    expect(ends.map(({ is }) => is)).toEqual(['committed', 'committed', 'committed'])
    expect(rows()).toHaveLength(3)
    expect(statSync(`${path}-wal`).size).toBe(0)
    expect(other.pragma('journal_mode = delete', { simple: true })).toBe('delete')
  })

  test('folds the journal into the file once it is quiet', async () => {
    const { ledger, path } = await given()
    const before = statSync(path).size
    for (let id = 0; id < 100; id += 1) await ledger.append(callNumber(id))
    await until('the file has grown', () => statSync(path).size > before)
  })

  test('deletes old calls, and says so', async () => {
    const storage = temporaryStorage()
    const first = await openLedger(storage, clock)
    const receivedAtMs = Date.now() - 40 * dayMs
    await first.append(callNumber(1, { receivedAtMs }))
    await first.append(callNumber(2, { receivedAtMs: Date.now() }))
    await first.close()
    const news: LedgerNews[] = []
    const onNews = (one: LedgerNews) => void news.push(one)
    const { rows } = await given({ ...storage, ledgerDays: 30, retentionAfterMs: 10, onNews })
    await until('it is told', () => news.length > 0)
    expect(news).toMatchObject([{ kind: 'deleted', calls: 1 }])
    expect(rows().map((row) => row.request_id)).toEqual(['req_2'])
  })

  test('tells why old calls could not be deleted', async () => {
    const storage = temporaryStorage({ busyTimeoutMs: 0 })
    const holder = openLedgerDatabase(storage)
    holder.exec('begin immediate')
    onTestFinished(() => void holder.close())
    const news: LedgerNews[] = []
    const onNews = (one: LedgerNews) => void news.push(one)
    await given({ ...storage, ledgerDays: 30, retentionAfterMs: 10, onNews })
    await until('it is told', () => news.length > 0)
    expect(news).toMatchObject([{ kind: 'failed', cause: { code: 'SQLITE_BUSY' } }])
    holder.exec('rollback')
  })

  test.each([
    [
      'no database at all',
      (path: string) => writeFileSync(path, 'x'.repeat(5000)),
      /cannot be opened: file is not a database/,
    ],
    [
      'a database of somebody else',
      executing('create table theirs (a)'),
      /is a database of another program/,
    ],
    ['what a newer Podgate wrote', ofNewer, /was written by a newer Podgate/],
    ['one that lacks a table', withoutAttempts, /no such table: attempts/],
  ])('does not open %s, says why, and leaves it alone', async (_what, make, why) => {
    const options = temporaryStorage()
    const path = ledgerPathOf(options)
    make(path, options)
    const before = readFileSync(path)
    await expect(openLedger(options, clock)).rejects.toThrow(why)
    expect(readFileSync(path)).toEqual(before)
  })
})

function executing(statement: string) {
  return (path: string) => {
    const file = new Database(path)
    file.exec(statement)
    file.close()
  }
}

function ofNewer(path: string, options: StorageOptions): void {
  openLedgerDatabase(options).close()
  executing('pragma user_version = 99')(path)
}

function withoutAttempts(path: string, options: StorageOptions): void {
  openLedgerDatabase(options).close()
  executing('drop table attempts')(path)
}
