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
