// The ledger's file refuses every change to its rows, and gives up only those that its retention
// allows to go.
import { existsSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import {
  ledgerPathOf,
  openLedgerDatabase,
  openLedgerReader,
  type StorageOptions,
} from '#src/storage/index.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

function open(options: StorageOptions) {
  const connection = openLedgerDatabase(options)
  onTestFinished(() => void connection.close())
  return connection
}

test.each([
  ['normal', 1],
  ['full', 2],
] as const)('syncs %s when told so, in a journal that it folds itself', (synchronous, level) => {
  const connection = open(temporaryStorage({ ledgerSynchronous: synchronous }))
  expect(connection.pragma('synchronous', { simple: true })).toBe(level)
  expect(connection.pragma('journal_mode', { simple: true })).toBe('wal')
  expect(connection.pragma('wal_autocheckpoint', { simple: true })).toBe(0)
})

test.each([
  "update cost_postings set nano_usd = 1 where request_id = 'req_1'",
  "delete from cost_postings where request_id = 'req_1'",
])('is append-only: refuses to %s', (change) => {
  const connection = open(temporaryStorage())
  connection.exec(`insert into cost_postings (request_id, kind, nano_usd, source, posted_at_ms)
    values ('req_1', 'boot', 5, 'billing', 1700000000000)`)
  expect(() => connection.exec(change)).toThrow('the ledger is append-only')
})

test('counts money in whole nano-dollars only', () => {
  const insert = open(temporaryStorage()).prepare(`insert into cost_postings
    (request_id, kind, nano_usd, source, posted_at_ms) values ('r', 'k', ?, 's', 1)`)
  expect(() => insert.run(0.5)).toThrow(/cannot store REAL value in INTEGER column/)
})

test('a reader makes no file and changes nothing', () => {
  const options = temporaryStorage()
  expect(() => openLedgerReader(options)).toThrow()
  expect(existsSync(ledgerPathOf(options))).toBe(false)
  open(options)
  const reader = openLedgerReader(options)
  onTestFinished(() => void reader.close())
  expect(() => reader.exec('drop table calls')).toThrow(/readonly/)
})

const callText = "'k', null, null, 's', 'm', null, null, null, null"
const zeros = "200, 'ok', null, null, 1, 1, 0, 0, null, null, 0, null, 0, 0, 0, 0, 'counted'"

function withOneCall(receivedAtMs: number) {
  const connection = open(temporaryStorage())
  connection.exec(`insert into calls values ('req_1', null, ${callText}, ${receivedAtMs}, ${zeros},
    0, 0, 0, 0, null, 0)`)
  connection.exec(`insert into attempts values
    (1, 'req_1', 1, 'm', 'd', 't', ${receivedAtMs + 5}, 1, 'answered', null, 'ended', 'none', 0, null, null)`)
  return connection
}

const forget = (untilMs: number) => `insert into retention (id, until_ms) values (1, ${untilMs})`

test('lets go of what is older than retention says, and of nothing else', () => {
  const connection = withOneCall(1000)
  expect(() => connection.exec('delete from calls')).toThrow('the ledger is append-only')
  connection.exec(forget(1000))
  expect(() => connection.exec('delete from calls')).toThrow('the ledger is append-only')
  connection.exec('update retention set until_ms = 1001')
  connection.exec('delete from attempts')
  connection.exec('delete from calls')
  expect(connection.prepare('select count(*) from calls').pluck().get()).toBe(0)
})

test('an attempt is as old as its call, and goes with it', () => {
  const connection = withOneCall(1000)
  connection.exec(forget(1001))
  connection.exec('delete from attempts')
  const other = withOneCall(1000)
  other.exec(forget(1000))
  expect(() => other.exec('delete from attempts')).toThrow('the ledger is append-only')
})

test.each(['delete from retention', 'update retention set until_ms = 4'])(
  'what it has let go of cannot be denied: refuses to %s',
  (change) => {
    const connection = open(temporaryStorage())
    connection.exec(forget(5))
    expect(() => connection.exec(change)).toThrow('the ledger is append-only')
  },
)

test('rows are never changed, however old', () => {
  const connection = withOneCall(1000)
  connection.exec(forget(2000))
  expect(() => connection.exec('update calls set charge_nano_usd = 1')).toThrow('append-only')
})
