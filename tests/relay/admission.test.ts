// What is set aside for a call: room in its model's line and a reservation are taken together, and
// given back together; a refusal for which the call's key can do nothing gives back its request.
import { describe, expect, test } from 'vitest'
import type { LedgerState } from '#src/accounting/ledger.ts'
import { createLimits, limitsOptions } from '#src/limits/index.ts'
import { admit } from '#src/relay/admission.ts'
import { createRouting, routingOptions } from '#src/routing/index.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleModel } from '../support/sample-model.ts'
import { scriptedDeployment, unheard } from '../support/scripted-deployment.ts'

interface Given {
  concurrencyWaitingMax?: number
  concurrencyMax?: number
  tokensPerMinute?: number
  waitingMax?: number
  ledger?: LedgerState
}

function given({ waitingMax, ledger = 'ok', ...limited }: Given) {
  const clock = createFakeClock()
  const deployment = scriptedDeployment(1)
  const options = routingOptions.parse({ waitingMax })
  const routing = createRouting({ clock, open: () => deployment, ...unheard }, options)
  const model = sampleModel()
  routing.follow([model])
  const limits = createLimits(limitsOptions.parse(limited), { clock, latest: (key) => key })
  const keyOf = (id: string) => ({ ...sampleKey, id })
  return {
    deployment,
    routing,
    /** Requests that the key has left in its minute. */
    async requestsLeft(id: string) {
      return (await limits.look(keyOf(id))).rates.requests.remaining
    },
    async come(id: string) {
      const call = chatCall({}, { key: keyOf(id) })
      await limits.takeRequest(call.key)
      const { signal } = new AbortController()
      return admit(
        { call, model, refusal: () => null, signal },
        { limits, routing, ledger: { state: () => ledger } },
      )
    },
  }
}

/** Whatever only waits for promises has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('a call that is refused a place in its key’s line keeps no waiting place', async () => {
  const { come } = given({ concurrencyMax: 1, concurrencyWaitingMax: 0, waitingMax: 1 })
  await come('key_1')
  const refused = { kind: 'rate_concurrency' }
  for (let n = 0; n < 3; n += 1) await expect(come('key_1')).rejects.toMatchObject(refused)
  await come('key_2')
  await expect(come('key_3')).rejects.toMatchObject({ kind: 'overloaded' })
})

test('a deployment that goes is not kept open for calls that never came for their answer', async () => {
  const { deployment, routing, come } = given({ concurrencyMax: 1 })
  const first = await come('key_1')
  // It stands aside, in the line of its own key.
  const second = await come('key_1')
  routing.follow([])
  await settled()
  expect(deployment.isClosed).toBe(true)
  for (const accepted of [first, second]) accepted[Symbol.dispose]()
})

describe('a request is', () => {
  const line = { concurrencyMax: 1, concurrencyWaitingMax: 0, waitingMax: 1 }

  test('given back where the key’s own calls run', async () => {
    const { come, requestsLeft } = given(line)
    await come('key_1')
    await expect(come('key_1')).rejects.toMatchObject({ kind: 'rate_concurrency' })
    expect(await requestsLeft('key_1')).toBe(99)
  })

  test('given back where the line is full', async () => {
    const { come, requestsLeft } = given(line)
    await come('key_1')
    await come('key_2')
    await expect(come('key_3')).rejects.toMatchObject({ kind: 'overloaded' })
    expect(await requestsLeft('key_3')).toBe(100)
  })

  test('counted where too few tokens are left', async () => {
    const { come, requestsLeft } = given({ tokensPerMinute: 1 })
    await expect(come('key_1')).rejects.toMatchObject({ kind: 'tokens_beyond_limit' })
    expect(await requestsLeft('key_1')).toBe(99)
  })
})

test('no call is accepted while the ledger cannot be written, and nothing is kept of it', async () => {
  const { come, routing } = given({ ledger: 'failing' })
  const refused = { kind: 'ledger_unavailable', retryAfterMs: 5_000 }
  await expect(come('key_1')).rejects.toMatchObject(refused)
  expect(routing.waiting()).toMatchObject([{ waiting: 0 }])
})
