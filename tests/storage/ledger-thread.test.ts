// The ledger's thread dies: at any moment, for good, or just while it has a batch. What it had
// confirmed is there, what it had not comes again, and nothing is there twice.
import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { type LedgerOptions, openLedger } from '#src/accounting/index.ts'
import { type LedgerRow, ledgerTables, pack } from '#src/accounting/ledger-rows.ts'
import { systemClock } from '#src/domain/index.ts'
import { type LedgerNews, ledgerPathOf, openWriterInThread } from '#src/storage/index.ts'
import { callNumber, followed } from '../support/ledger-at-hand.ts'
import { sampleAttempt } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { until } from '../support/until.ts'

/** Every thread that is started from here on. */
function watchThreads(): Worker[] {
  const threads: Worker[] = []
  const add = (worker: Worker) => void threads.push(worker)
  process.on('worker', add)
  onTestFinished(() => void process.off('worker', add))
  return threads
}

async function given(changes: Partial<LedgerOptions> = {}) {
  const threads = watchThreads()
  const options = { ...temporaryStorage(), ...changes }
  const news: LedgerNews[] = []
  const onNews = (one: LedgerNews) => void news.push(one)
  const ledger = await openLedger({ ...options, onNews }, systemClock)
  onTestFinished(() => ledger.close())
  const path = ledgerPathOf(options)
  const ids = (table: string) => {
    const file = new Database(path, { readonly: true, timeout: 5000 })
    try {
      return file.prepare<[], string>(`select request_id from ${table} order by 1`).pluck().all()
    } finally {
      file.close()
    }
  }
  return { ledger, news, path, ids, threads, terminate: () => threads.at(-1)?.terminate() }
}

test('a thread that is terminated again and again loses nothing and doubles nothing', async () => {
  const { ledger, news, ids, threads, terminate } = await given()
  const random = seededRandom(13)
  const expected: string[] = []
  const ends: Promise<void>[] = []
  for (let kill = 0; kill < 6; kill += 1) {
    for (let turn = 0; turn < 10; turn += 1) {
      for (let row = 0; row < 5; row += 1) {
        const requestId = `req_${1000 + expected.length}`
        expected.push(requestId)
        ends.push(ledger.append(callNumber(0, { requestId })))
        ledger.appendAttempt(sampleAttempt({ requestId }))
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (let turns = random(20); turns > 0; turns -= 1) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    await terminate()
    const started = threads.length
    await until('another thread runs', () => threads.length > started)
    await ledger.append(callNumber(kill, { requestId: `req_0_${kill}` }))
  }
  await Promise.all(ends)
  await ledger.flush()
  expect(ids('calls').filter((id) => !id.startsWith('req_0_'))).toEqual(expected)
  expect(ids('attempts')).toEqual(expected)
  expect(ledger.state()).toBe('ok')
  // Each was told, for each had written since the one before.
  expect(news.map(({ kind }) => kind)).toEqual(Array(6).fill('thread_ended'))
}, 120_000)

test('where no thread can start, calls fail in time, and the ledger recovers by itself', async () => {
  const { ledger, news, path, ids, terminate } = await given({ ledgerHoldMs: 500 })
  await ledger.append(callNumber(1))
  const states: string[] = []
  ledger.onStateChange((state) => states.push(state))
  await terminate()
  renameSync(path, `${path}.kept`)
  mkdirSync(path)
  await expect(ledger.append(callNumber(2))).rejects.toMatchObject({ kind: 'ledger_unavailable' })
  const waiting = followed(ledger.append(callNumber(3)))
  rmdirSync(path)
  renameSync(`${path}.kept`, path)
  await until('the ledger is well', () => ledger.state() === 'ok')
  await ledger.flush()
  expect(ids('calls')).toEqual(['req_1', 'req_2', 'req_3'])
  expect(waiting.is).not.toBe('waiting')
  expect(states).toEqual(['failing', 'ok'])
  expect(news.map(({ kind }) => kind)).toEqual(['thread_ended'])
})

test('closing while no thread runs ends, and no thread is started after it', async () => {
  const { ledger, threads, terminate } = await given({ ledgerHoldMs: 100 })
  await ledger.append(callNumber(1))
  await terminate()
  await ledger.close()
  expect(threads).toHaveLength(1)
})

test('closing while a thread is being started ends that one, too', async () => {
  const { ledger, threads, terminate } = await given()
  await terminate()
  await until('another thread starts', () => threads.length === 2)
  const ended = new Promise((resolve) => threads[1]?.once('exit', resolve))
  await ledger.close()
  await ended
  expect(threads).toHaveLength(2)
})

test('a clock that was not believed is not believed by the next thread either', async () => {
  const { ledger, news, ids, threads, terminate } = await given({
    ledgerDays: 1,
    retentionAfterMs: 100,
  })
  await ledger.append(callNumber(1, { receivedAtMs: Date.now() - 10 * 86_400_000 }))
  await until('retention is refused', () => news.some(({ kind }) => kind === 'refused'))
  await ledger.append(callNumber(2, { receivedAtMs: Date.now() }))
  await terminate()
  await until('another thread runs', () => threads.length === 2)
  await until('it has looked', () => news.length === 3)
  expect(news.map(({ kind }) => kind)).toEqual(['refused', 'thread_ended', 'refused'])
  expect(ids('calls')).toEqual(['req_1', 'req_2'])
})

/** The thread waits in SQLite for as long as a disk that hangs would let it. */
async function givenStuck() {
  const one = await given({ ledgerHoldMs: 300, busyTimeoutMs: 30_000 })
  const other = new Database(one.path)
  other.exec('begin immediate')
  onTestFinished(() => void other.close())
  const sinceMs = performance.now()
  return { ...one, other, tookMs: () => performance.now() - sinceMs }
}

test('a thread that is stuck stops neither the loop nor the ends of calls', async () => {
  const { ledger, other, ids, tookMs } = await givenStuck()
  const early = followed(ledger.append(callNumber(1)))
  let turns = 0
  await until('the call has failed', () => {
    turns += 1
    return early.is === 'rejected'
  })
  expect(turns).toBeGreaterThan(100)
  expect(ledger.state()).toBe('failing')
  expect(tookMs()).toBeLessThan(15_000)
  other.exec('rollback')
  await ledger.flush()
  expect(ledger.state()).toBe('ok')
  expect(ids('calls')).toEqual(['req_1'])
})

test('closing waits for a thread that is stuck, but not for ever', async () => {
  const { ledger, other, tookMs } = await givenStuck()
  const end = followed(ledger.append(callNumber(1)))
  await expect(ledger.close()).rejects.toThrow('closed with 1 rows that could not be written')
  expect(end.is).toBe('rejected')
  expect(tookMs()).toBeLessThan(15_000)
  other.exec('rollback')
})

async function givenWriter() {
  const options = temporaryStorage()
  const { path, ledgerPath, ledgerSynchronous, busyTimeoutMs } = options
  const opening = { path, ledgerPath, ledgerSynchronous, busyTimeoutMs }
  const writer = await openWriterInThread(
    { ...opening, tables: ledgerTables, ledgerDays: null, retentionAfterMs: 0 },
    { clock: systemClock, tell: () => {} },
  )
  const file = new Database(ledgerPathOf(options), { readonly: true, timeout: 5000 })
  onTestFinished(async () => {
    file.close()
    await writer.close()
  })
  const batchOf = (rows: readonly LedgerRow[], isAgain = false) =>
    pack(rows, isAgain, () => {}).batch
  const ids = (table: string) =>
    file.prepare<[], string>(`select request_id from ${table} order by 1`).pluck().all()
  return { writer, batchOf, ids }
}

test('a batch is written or not as it is told, also when it was revoked', async () => {
  const { writer, batchOf, ids } = await givenWriter()
  const written: string[] = []
  for (let id = 100; id < 300; id += 1) {
    const record = callNumber(id)
    const committing = writer.commit(batchOf([{ kind: 'call', record }]))
    for (let turn = 0; turn < id % 4; turn += 1) await new Promise((done) => setImmediate(done))
    // However slow the thread is: some are revoked only once it has written them.
    if (id % 10 === 0) await committing
    writer.revoke()
    const isWritten = await committing.then(
      () => true,
      () => false,
    )
    if (isWritten) written.push(record.requestId)
  }
  expect(ids('calls')).toEqual(written)
  expect(written.length).toBeGreaterThan(0)
  expect(written.length).toBeLessThan(200)
})

test('of a batch that is sent again, only rows that are missing are added', async () => {
  const { writer, batchOf, ids } = await givenWriter()
  const rows = [1, 2, 3].flatMap((id): LedgerRow[] => [
    { kind: 'call', record: callNumber(id) },
    { kind: 'attempt', record: sampleAttempt({ requestId: `req_${id}`, ordinal: 1 }) },
    { kind: 'attempt', record: sampleAttempt({ requestId: `req_${id}`, ordinal: 2 }) },
  ])
  const ofFirst = [rows[0], rows[1]].filter((row) => row !== undefined)
  expect(await writer.commit(batchOf(ofFirst))).toBeNull()
  for (let time = 0; time < 2; time += 1) {
    expect(await writer.commit(batchOf(rows, true))).toBeNull()
    expect(ids('calls')).toEqual(['req_1', 'req_2', 'req_3'])
    expect(ids('attempts')).toEqual(['req_1', 'req_1', 'req_2', 'req_2', 'req_3', 'req_3'])
  }
})
