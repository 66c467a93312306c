// `podgate costs` reads a ledger that is still open: its tables, its JSON, and exit code 1 when
// the budget is exceeded.
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '#src/accounting/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { commandNowMs, commandsOver, jsonOf } from '../support/run-commands.ts'
import { sampleAttempt, sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const receivedAtMs = commandNowMs

/** A gateway's ledger with $12.50 of mixtral and $0.25 of phi in it, still open. */
async function spentSome() {
  const storage = temporaryStorage()
  const ledger = await openLedger(storage, createFakeClock())
  onTestFinished(() => ledger.close())
  const spent = { keyId: 'key_1', deployment: 'here', receivedAtMs }
  const mixtral = { ...spent, model: 'mixtral', chargeNanoUsd: 12_500_000_000 }
  const phi = { ...spent, model: 'phi', keyId: 'key_2', chargeNanoUsd: 250_000_000 }
  await ledger.append(sampleCall({ requestId: 'a', ...mixtral }))
  await ledger.append(sampleCall({ requestId: 'b', ...phi }))
  const attempt = { requestId: 'a', startedAtMs: receivedAtMs, deployment: 'here' }
  ledger.appendAttempt(sampleAttempt(attempt))
  await ledger.flush()
  return commandsOver(storage)
}

test('shows what was spent by model, while the gateway runs', async () => {
  const run = await spentSome()
  expect(await run('costs')).toEqual({
    code: 0,
    out: [
      'Spent from 2023-11-07 22:13 to 2023-11-14 22:13 UTC (7 days)',
      '',
      'MODEL    CALLS  PROMPT  COMPLETION   COST USD',
      'mixtral      1     100          40  12.500000',
      'phi          1     100          40   0.250000',
      'total        2     200          80  12.750000',
      '',
    ].join('\n'),
    err: '',
  })
})

test('in detail also by key and by deployment, with what was wasted', async () => {
  const { out } = await (await spentSome())('costs', '--detailed')
  expect(out).toMatch(/^KEY .* WASTED S\nkey_1 .* 12\.500000 +1\.5\nkey_2 .* 0\.250000 +0\.0$/m)
  expect(out).toMatch(/^DEPLOYMENT .* WASTED S\nhere .* 12\.750000 +1\.5$/m)
})

test('over budget is exit code 1, and says by how much', async () => {
  const { code, out, err } = await (await spentSome())('costs', '--budget', '12')
  expect({ code, err }).toEqual({ code: 1, err: 'Over budget by $0.750000: the budget was $12.' })
  expect(out).toContain('mixtral')
})

test.each([
  ['12.75', '0.000000'],
  ['500', '487.250000'],
])('a budget of %s holds', async (budget, left) => {
  const { code, out } = await (await spentSome())('costs', '--budget', budget)
  expect(code).toBe(0)
  expect(out).toContain(`Within the budget of $${budget}: $${left} left.`)
})

test('JSON has the same, in whole nano-dollars too, and the same exit code', async () => {
  const run = await spentSome()
  const report = jsonOf(await run('costs', '--json', '--detailed', '--budget', '20'))
  expect(report).toMatchObject({
    until: '2023-11-14T22:13:20.000Z',
    budgetUsd: 20,
    total: { calls: 2, chargeNanoUsd: 12_750_000_000, costUsd: 12.75 },
    models: [{ name: 'mixtral' }, { name: 'phi' }],
    keys: [{ name: 'key_1' }, { name: 'key_2' }],
    deployments: [{ name: 'here', wastedSeconds: 1.5 }],
  })
  const over = await run('costs', '--json', '--budget', '1')
  expect(over.code).toBe(1)
  expect(JSON.parse(over.out)).toMatchObject({ budgetUsd: 1 })
})

test('without a ledger it fails and says where it looked', async () => {
  const { code, err } = await commandsOver(temporaryStorage())('costs')
  expect(code).toBe(1)
  expect(err).toMatch(/^There is no ledger at .*podgate-ledger\.db/)
})

test.each(['--days 0', '--days week', '--budget lots', '--days 1e9'])(
  '`costs %s` is wrong usage',
  async (line) => {
    const result = await commandsOver(temporaryStorage())('costs', ...line.split(' '))
    expect(result).toMatchObject({ code: 2, out: '' })
    expect(result.err).toMatch(/Allowed: /)
  },
)
