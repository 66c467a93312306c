// A ledger that is whole is called so, and each way of not being whole is found by its check.
import { readFileSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { openLedger, verifyLedger, withoutLedger } from '#src/accounting/index.ts'
import { systemClock } from '#src/domain/index.ts'
import { ledgerPathOf, openRegistry } from '#src/storage/index.ts'
import { sampleAttempt, sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const receivedAtMs = 1_700_000_000_000
const laterMs = receivedAtMs + 86_400_000

async function given() {
  const storage = temporaryStorage()
  const ledger = await openLedger(storage, systemClock)
  await ledger.append(sampleCall({ requestId: 'req_1' }))
  await ledger.append(withoutLedger(sampleCall({ requestId: 'req_2', stream: false })))
  await ledger.append(withoutLedger(sampleCall({ requestId: 'req_3' })))
  ledger.appendAttempt(sampleAttempt({ requestId: 'req_1', ordinal: 1 }))
  ledger.appendAttempt(sampleAttempt({ requestId: 'req_1', ordinal: 2 }))
  await ledger.close()
  return storage
}

/** What nobody does: past the triggers. */
function forge(path: string, sql: string): void {
  const db = new Database(path)
  for (const table of ['calls', 'attempts', 'cost_postings']) {
    for (const change of ['update', 'delete']) db.exec(`drop trigger ${table}_refuse_${change}`)
  }
  db.exec(sql)
  db.close()
}

test('a ledger as the gateway writes it is whole', async () => {
  const storage = await given()
  expect(verifyLedger(storage, laterMs)).toEqual({
    calls: 3,
    attempts: 2,
    postings: 0,
    chargeNanoUsd: 820_000,
    postingsNanoUsd: 0,
    forgottenUntilMs: null,
    problems: [],
    notes: [],
  })
})

const posting = (id: string) =>
  `insert into cost_postings values (null, '${id}', 'boot', 7, 'billing', ${receivedAtMs})`

test('postings are summed', async () => {
  const storage = await given()
  forge(ledgerPathOf(storage), `${posting('req_1')}; ${posting('req_2')}`)
  expect(verifyLedger(storage, laterMs)).toMatchObject({ postingsNanoUsd: 14, problems: [] })
})

test.each<[string, string, string[]]>([
  [
    'a charge is usage times prices',
    `update calls set charge_nano_usd = charge_nano_usd + 1 where request_id = 'req_1'`,
    ['req_1'],
  ],
  [
    'a charge is usage times prices',
    `update calls set charge_nano_usd = 5 where request_id = 'req_2'`,
    ['req_2'],
  ],
  [
    'nothing is counted below zero',
    `update calls set cached_tokens = -1, charge_nano_usd = 441000 where request_id = 'req_1'`,
    ['req_1'],
  ],
  ['an attempt has one row', `update attempts set ordinal = 1`, ['req_1 1']],
  [
    'an attempt is one of its call’s',
    `update attempts set ordinal = 3 where ordinal = 2`,
    ['req_1 3'],
  ],
  ['a posting has its call', posting('req_9'), ['req_9 boot']],
])('%s: otherwise it is found', async (check, sql, examples) => {
  const storage = await given()
  forge(ledgerPathOf(storage), sql)
  const { problems } = verifyLedger(storage, laterMs)
  expect(problems).toEqual([{ check, count: examples.length, examples }])
})

test('attempts without a call, as a kill leaves them, are noted: the ledger is whole', async () => {
  const storage = await given()
  forge(ledgerPathOf(storage), `delete from calls where request_id = 'req_1'`)
  const check = 'an attempt has its call, unless that was cut by a kill or a crash'
  expect(verifyLedger(storage, laterMs)).toMatchObject({
    problems: [],
    notes: [{ check, count: 2, examples: ['req_1 1', 'req_1 2'] }],
  })
  // Of a call that may still run there is nothing to note.
  expect(verifyLedger(storage, receivedAtMs + 60_000).notes).toEqual([])
})

test('of many broken rows the first are named and all are counted', async () => {
  const storage = temporaryStorage()
  const ledger = await openLedger(storage, systemClock)
  for (let n = 0; n < 20; n += 1) {
    await ledger.append(sampleCall({ requestId: `req_${n}`, chargeNanoUsd: 1 }))
  }
  await ledger.close()
  const [problem] = verifyLedger(storage, laterMs).problems
  expect(problem).toMatchObject({ count: 20 })
  expect(problem?.examples).toHaveLength(5)
})

test('damage in the file itself is found', async () => {
  const storage = await given()
  const path = ledgerPathOf(storage)
  forge(path, 'drop index calls_by_time; create index calls_by_time on calls (received_at_ms)')
  const db = new Database(path)
  db.unsafeMode()
  db.pragma('writable_schema = on')
  db.exec(`update sqlite_master set sql = 'create index calls_by_time on calls (duration_ms)'
    where name = 'calls_by_time'`)
  db.close()
  const [problem] = verifyLedger(storage, laterMs).problems
  expect(problem?.check).toBe('the file is whole')
})

test('a ledger that is not there is told, and so is another database in its place', async () => {
  const storage = temporaryStorage()
  expect(() => verifyLedger(storage, laterMs)).toThrow(/There is no ledger at/)
  await (await openRegistry({ ...storage, path: ledgerPathOf(storage) })).close()
  expect(() => verifyLedger(storage, laterMs)).toThrow(/is Podgate’s registry/)
})

test('a file that is no database any more is not whole, and nothing of it is known', () => {
  const storage = temporaryStorage()
  const path = ledgerPathOf(storage)
  writeFileSync(path, 'this is no database at all'.repeat(100))
  const { problems, ...rest } = verifyLedger(storage, laterMs)
  expect(rest).toMatchObject({ calls: null, chargeNanoUsd: null, notes: [] })
  expect(problems).toMatchObject([{ check: 'the file is whole', count: 1 }])
  expect(problems[0]?.examples[0]).toContain(path)
  expect(problems[0]?.examples[0]).toContain('file is not a database')
})

test('in a damaged file all is told that is not so, and what cannot be read with the path', async () => {
  const storage = await given()
  const path = ledgerPathOf(storage)
  const db = new Database(path)
  const page = db.prepare("select rootpage from sqlite_master where name = 'calls'").pluck()
  const rootPage = Number(page.get())
  db.close()
  const bytes = readFileSync(path)
  bytes.fill(0xff, (rootPage - 1) * 4096, rootPage * 4096)
  writeFileSync(path, bytes)
  const found = verifyLedger(storage, laterMs)
  expect(found).toMatchObject({ attempts: 2, postings: 0, chargeNanoUsd: null })
  const checks = found.problems.map(({ check }) => check)
  expect(checks.slice(0, 2)).toEqual(['the file is whole', 'calls can be read'])
  expect(checks).toContain('a charge is usage times prices')
  const [, calls] = found.problems
  expect(calls?.examples).toEqual([`${path}: database disk image is malformed`])
})
