// What is set aside for a call, in the rooms as they are connected: a waiting place and a quota are
// taken together, and given back together.
import { expect, onTestFinished, test } from 'vitest'
import { createKeyTally } from '#src/accounting/index.ts'
import { connectRelay } from '#src/app/relay-ports.ts'
import { createLimits, limitsOptions } from '#src/limits/index.ts'
import { openCatalogue } from '#src/models/index.ts'
import { createAttemptTally, createLogger, createMetrics } from '#src/observability/index.ts'
import { createRouting, routingOptions } from '#src/routing/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { ledgerAtHand } from '../support/ledger-at-hand.ts'
import { sampleModel } from '../support/sample-model.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { scriptedDeployment, unheard } from '../support/scripted-deployment.ts'

interface Given {
  concurrencyWaitingMax?: number
  concurrencyMax?: number
  waitingMax?: number
}

async function given({ waitingMax, ...limited }: Given) {
  const { ledger, clock } = await ledgerAtHand()
  const registry = await openRegistry(temporaryStorage())
  const catalogue = await openCatalogue(registry, { clock, pollMs: 500 })
  onTestFinished(async () => {
    catalogue[Symbol.dispose]()
    await registry.close()
  })
  const deployment = scriptedDeployment(1)
  const options = routingOptions.parse({ waitingMax })
  const routing = createRouting({ clock, open: () => deployment, ...unheard }, options)
  const model = sampleModel()
  routing.follow([model])
  const { reserve } = connectRelay({
    clock,
    catalogue,
    limits: createLimits(limitsOptions.parse(limited), { clock, latest: (key) => key }),
    routing,
    ledger,
    metrics: createMetrics({ isKnownModel: () => true }),
    logger: createLogger({ level: 'silent' }),
    attempts: createAttemptTally(),
    keyTally: createKeyTally(10),
  })
  return {
    deployment,
    routing,
    reserve: (keyId: string) =>
      reserve({
        call: chatCall({}, { key: { ...sampleKey, id: keyId } }),
        route: { model },
        refusal: () => null,
        signal: new AbortController().signal,
      }),
  }
}

/** Whatever only waits for promises has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('a call that is refused a place in its key’s line keeps no waiting place', async () => {
  const { reserve } = await given({ concurrencyMax: 1, concurrencyWaitingMax: 0, waitingMax: 1 })
  await reserve('key_1')
  const refused = { kind: 'rate_concurrency' }
  for (let n = 0; n < 3; n += 1) await expect(reserve('key_1')).rejects.toMatchObject(refused)
  await reserve('key_2')
  await expect(reserve('key_3')).rejects.toMatchObject({ kind: 'overloaded' })
})

test('a deployment that goes is not kept open for calls that never came for their answer', async () => {
  const { deployment, routing, reserve } = await given({ concurrencyMax: 1 })
  const first = await reserve('key_1')
  // It stands aside, in the line of its own key.
  const second = await reserve('key_1')
  routing.follow([])
  await settled()
  expect(deployment.isClosed).toBe(true)
  for (const booked of [first, second]) booked[Symbol.dispose]()
})
