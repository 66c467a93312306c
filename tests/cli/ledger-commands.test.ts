// `podgate ledger` and `podgate backup`, beside a gateway that writes.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '#src/accounting/index.ts'
import { systemClock } from '#src/domain/index.ts'
import { ledgerPathOf } from '#src/storage/index.ts'
import { root } from '../house/source-files.ts'
import { commandNowMs, commandsOver, jsonOf } from '../support/run-commands.ts'
import { sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const dayMs = 86_400_000
/** 2023-11-14 22:13:20 UTC */
const receivedAtMs = commandNowMs

async function given() {
  const storage = temporaryStorage()
  const ledger = await openLedger(storage, systemClock)
  onTestFinished(() => ledger.close())
  for (const [requestId, daysAgo] of [
    ['old', 20],
    ['recent', 2],
    ['now', 0],
  ] as const) {
    await ledger.append(sampleCall({ requestId, receivedAtMs: receivedAtMs - daysAgo * dayMs }))
  }
  return { storage, run: commandsOver(storage) }
}

test('verify says what it looked at, and that it is whole', async () => {
  const { run } = await given()
  expect(await run('ledger', 'verify')).toEqual({
    code: 0,
    out: [
      '3 calls, charged $0.001230',
      '0 attempts',
      '0 postings of $0.000000',
      '✓ The ledger is whole.',
    ].join('\n'),
    err: '',
  })
  const json = jsonOf(await run('ledger', 'verify', '--json'))
  expect(json).toMatchObject({ isWhole: true, calls: 3, problems: [] })
})

test('verify of a ledger that is not whole is exit code 1, in JSON too', async () => {
  const { storage, run } = await given()
  const db = new Database(ledgerPathOf(storage))
  db.exec('drop trigger calls_refuse_update')
  db.exec(`update calls set charge_nano_usd = 1 where request_id = 'old'`)
  db.close()
  const result = await run('ledger', 'verify')
  expect(result).toMatchObject({ code: 1, err: 'The ledger is not whole.' })
  expect(result.out).toContain('✗ a charge is usage times prices: not so for 1 (old)')
  const json = await run('ledger', 'verify', '--json')
  expect(json.code).toBe(1)
  expect(JSON.parse(json.out)).toMatchObject({ isWhole: false, problems: [{ count: 1 }] })
})

test('verify of a damaged file is whole JSON, and exit code 1', async () => {
  const storage = temporaryStorage()
  writeFileSync(ledgerPathOf(storage), 'no database'.repeat(100))
  const json = await commandsOver(storage)('ledger', 'verify', '--json')
  expect(json).toMatchObject({ code: 1, err: 'The ledger is not whole.' })
  expect(JSON.parse(json.out)).toMatchObject({ isWhole: false, calls: null, problems: [{}] })
  const { out } = await commandsOver(storage)('ledger', 'verify')
  expect(out).toMatch(/^\? calls, charged \?$/m)
  expect(out).toMatch(/^✗ the file is whole: not so for 1 \(.*file is not a database/m)
})

test('verify notes what a kill leaves, and calls the ledger whole', async () => {
  const { storage, run } = await given()
  const db = new Database(ledgerPathOf(storage))
  db.exec(`insert into attempts values
    (1, 'killed', 1, 'm', 'd', 't', 1, 1, 'answered', null, 'ended', 'none', 0, null, null)`)
  db.close()
  const { code, out } = await run('ledger', 'verify')
  expect(code).toBe(0)
  expect(out).toMatch(/^· an attempt has its call, unless .*: not so for 1 \(killed 1\)$/m)
  expect(out).toMatch(/^✓ The ledger is whole\.$/m)
})

test.each([
  ['a day that no month has', ['--from', '2026-02-30'], /Allowed: a day or moment in UTC/],
  ['a moment of such a day', ['--to', '2026-04-31T08:30'], /Allowed: a day or moment in UTC/],
  [
    'an end before the start',
    ['--from', '2026-03-01', '--to', '2026-02-01'],
    /--from is after --to/,
  ],
])('export of %s is wrong usage', async (_what, options, says) => {
  const { run } = await given()
  const result = await run('ledger', 'export', ...options)
  expect(result).toMatchObject({ code: 2, out: '', err: expect.stringMatching(says) })
})

test.each([
  ['everything', [], ['old', 'recent', 'now']],
  ['a day on', ['--from', '2023-11-01'], ['recent', 'now']],
  ['until a day', ['--to', '2023-11-12'], ['old']],
  ['until a moment', ['--to', '2023-11-12T22:13:21Z'], ['old', 'recent']],
  ['a moment elsewhere', ['--from', '2023-11-14T23:13:20+01:00'], ['now']],
  ['a moment too late', ['--from', '2023-11-14T22:13:21'], []],
])('export of %s', async (_what, options, ids) => {
  const { run } = await given()
  const { code, out } = await run('ledger', 'export', ...options)
  expect(code).toBe(0)
  const lines = out.split('\n').filter((line) => line !== '')
  expect(lines.map((line) => JSON.parse(line).request_id)).toEqual(ids)
})

test('export into a file, which is whole and its owner’s', async () => {
  const { run } = await given()
  const folder = temporaryFolder()
  const path = join(folder, 'calls.csv')
  const result = await run('ledger', 'export', '--format', 'csv', '--output', path)
  expect(result).toEqual({ code: 0, out: '', err: `3 calls were written to ${path}.` })
  const lines = readFileSync(path, 'utf8').split('\n')
  expect(lines[0]).toMatch(/^request_id,/)
  expect(lines).toHaveLength(5)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['calls.csv'])
})

test('an export that fails leaves nothing and what was there', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'calls.jsonl')
  writeFileSync(path, 'yesterday\n')
  const run = commandsOver(temporaryStorage())
  const { code, err } = await run('ledger', 'export', '--output', path)
  expect(code).toBe(1)
  expect(err).toMatch(/^There is no ledger at/)
  expect(readdirSync(folder)).toEqual(['calls.jsonl'])
  expect(readFileSync(path, 'utf8')).toBe('yesterday\n')
  const { run: good } = await given()
  const ontoFolder = await good('ledger', 'export', '--output', folder)
  expect(ontoFolder).toMatchObject({ code: 1, err: expect.stringMatching(/EISDIR|ENOTEMPTY/) })
  expect(existsSync(`${folder}.part`)).toBe(false)
  const nowhere = await good('ledger', 'export', '--output', join(folder, 'no', 'where'))
  expect(nowhere.code).toBe(1)
  expect(nowhere.err).toMatch(/ENOENT/)
})

test('export waits for whoever reads it', async () => {
  const { storage } = await given()
  const order: string[] = []
  const run = commandsOver(storage, {
    out: () => order.push('line'),
    outDrained: async () => void order.push('read'),
  })
  await run('ledger', 'export')
  expect(order).toEqual(['line', 'read', 'line', 'read', 'line', 'read'])
})

test('backup copies what is there and says where', async () => {
  const { storage, run } = await given()
  await run('keys', 'create', '--name', 'web')
  const folder = join(temporaryFolder(), 'copy')
  const { code, out } = await run('backup', folder)
  expect(code).toBe(0)
  expect(out.split('\n')[1]).toMatch(
    /podgate-ledger\.db → .*copy\/podgate-ledger\.db \(\d+ bytes\)$/,
  )
  const copy = { ...storage, path: join(folder, 'podgate.db') }
  expect(jsonOf(await commandsOver(copy)('keys', 'list', '--json'))).toMatchObject({
    keys: [{ name: 'web' }],
  })
  expect(jsonOf(await commandsOver(copy)('ledger', 'verify', '--json'))).toMatchObject({ calls: 3 })
  const again = await run('backup', folder)
  expect(again.code).toBe(1)
  expect(again.err).toMatch(/is there already: choose another folder/)
  expect(existsSync(join(folder, 'podgate.db'))).toBe(true)
})

test('a reader that has seen enough, as `head` has, is no failure', async () => {
  const storage = temporaryStorage()
  const ledger = await openLedger({ ...storage, rowsWaitingMax: 100_000 }, systemClock)
  for (let n = 0; n < 5000; n += 1) {
    ledger.append(sampleCall({ requestId: `req_${n}` })).catch(() => {})
  }
  await ledger.close()
  const child = spawn(process.execPath, ['scripts/podgate.js', 'ledger', 'export'], {
    cwd: root,
    env: { ...process.env, ENV: 'dev', SQLITE_DB_PATH: storage.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (piece) => {
    said += piece
  })
  child.stdout.once('data', () => child.stdout.destroy())
  const [code] = await once(child, 'close')
  expect({ code, said }).toEqual({ code: 0, said: '' })
})

test('a budget is over whether or not anybody reads on', async () => {
  const storage = temporaryStorage()
  const ledger = await openLedger(storage, systemClock)
  await ledger.append(sampleCall({ receivedAtMs: Date.now() }))
  await ledger.close()
  const child = spawn(process.execPath, ['scripts/podgate.js', 'costs', '--budget', '0'], {
    cwd: root,
    env: { ...process.env, ENV: 'dev', SQLITE_DB_PATH: storage.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stderr.resume()
  child.stdout.destroy()
  expect(await once(child, 'close')).toEqual([1, null])
})

test.runIf(existsSync('/dev/full'))('a full disk under the output is one line of error', () => {
  const storage = temporaryStorage()
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, ['scripts/podgate.js', 'keys', 'list'], {
    cwd: root,
    env: { ...process.env, ENV: 'dev', SQLITE_DB_PATH: storage.path },
    stdio: ['ignore', full, 'pipe'],
  })
  closeSync(full)
  expect(status).toBe(1)
  expect(stderr.toString()).toMatch(/^The output cannot be written: ENOSPC[^\n]*\n$/)
})
