// A gateway that deletes old calls says so in its log, and says when it would rather not.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openLedger } from '#src/accounting/index.ts'
import { configurationOf, startGateway } from '#src/app/index.ts'
import { readSecrets } from '#src/config/index.ts'
import { kinds } from '#src/upstreams/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleCall } from '../support/sample-records.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const dayMs = 86_400_000

test.each([
  [1, 'info', { deleted_calls: 1 }],
  [40, 'error', { message: expect.stringMatching(/Is the clock right\?$/) }],
])('where the newest call is %i days old, in a line of level %s', async (daysAgo, level, line) => {
  const clock = createFakeClock()
  const config = configurationOf().schema.parse({
    http: { port: 0, drainMs: 0 },
    limits: {},
    relay: {},
    routing: {},
    upstreams: {},
    storage: { path: join(temporaryFolder(), 'podgate.db') },
    retention: { ledgerDays: 30 },
    runpod: {},
    log: {},
  })
  const ledger = await openLedger(config.storage, clock)
  for (const [requestId, days] of [['old', 50] as const, ['newest', daysAgo] as const]) {
    await ledger.append(sampleCall({ requestId, receivedAtMs: clock.nowMs() - days * dayMs }))
  }
  await ledger.close()
  const lines: Record<string, unknown>[] = []
  const gateway = await startGateway(
    {
      environment: 'dev',
      config,
      secrets: readSecrets({ RUNPOD_API_KEY: 'rpa_0123456789' }, ['RUNPOD_API_KEY']),
      kinds,
      warnings: [],
      wantsSimulator: false,
    },
    {
      apiKeys: [],
      adminKey: null,
      simulator: null,
      clock,
      writeLog: (text) => void lines.push(JSON.parse(text)),
    },
  )
  await clock.advance(61_000)
  const told = lines.filter(({ event }) => event === 'retention')
  const until = new Date(1_700_000_060_000 - 30 * dayMs).toISOString()
  expect(told).toEqual([expect.objectContaining({ level, until, ...line })])
  await gateway.close()
})
