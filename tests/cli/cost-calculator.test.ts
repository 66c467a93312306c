// `scripts/cost-calculator`, run as a process, does the same as `podgate costs`.
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { openLedger } from '#src/accounting/index.ts'
import { systemClock } from '#src/domain/index.ts'
import { sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

test('scripts/cost-calculator is `podgate costs`, arguments and exit code too', async () => {
  const storage = temporaryStorage()
  const ledger = await openLedger(storage, systemClock)
  const receivedAtMs = Date.now()
  await ledger.append(sampleCall({ receivedAtMs, chargeNanoUsd: 2_000_000_000 }))
  await ledger.close()
  const env = { PATH: process.env.PATH, ENV: 'dev', SQLITE_DB_PATH: storage.path }
  const options = { env, encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync(
    'scripts/cost-calculator',
    ['--budget', '1'],
    options,
  )
  expect(stderr).toBe('Over budget by $1.000000: the budget was $1.\n')
  expect(stdout).toMatch(/^phi-2 +1 +100 +40 +2\.000000$/m)
  expect(status).toBe(1)
})
