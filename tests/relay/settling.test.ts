// What is reserved for calls and what becomes of it, in many seeded orders: calls come, are answered,
// fail, are left and wait, while the ledger refuses rows and the key's limit is changed. Whatever
// happens, each reservation is settled once, and nothing of it stays behind.
import { expect, test } from 'vitest'
import { type ApiKey, type Call, type CallRecord, Fault } from '#src/domain/index.ts'
import { createLimits, limitsOptions, type Reservation } from '#src/limits/index.ts'
import { tokensTaken } from '#src/limits/tokens-taken.ts'
import { type RelayPorts, relayCall } from '#src/relay/index.ts'
import { createRouting, routingOptions } from '#src/routing/index.ts'
import { chatCall, chatSurface, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { recordingClient } from '../support/recording-client.ts'
import { sampleModel } from '../support/sample-model.ts'
import {
  type Opened,
  scriptedAnswer,
  scriptedDeployment,
  unheard,
} from '../support/scripted-deployment.ts'
import { type Random, seededRandom } from '../support/seeded-random.ts'
import { done, finished, released, said, usage } from './one-call.ts'

const model = sampleModel()
const limit = 100_000

interface Settlement {
  bound: number
  used: number[]
}

function openHouse(random: Random) {
  const clock = createFakeClock()
  let key: ApiKey = { ...sampleKey, tokensPerMinute: limit, concurrencyMax: 3 }
  const limits = createLimits(limitsOptions.parse({ requestsPerMinute: 100_000 }), {
    clock,
    latest: () => key,
  })
  const deployment = scriptedDeployment(2)
  const routing = createRouting(
    { clock, open: () => deployment, ...unheard },
    routingOptions.parse({ waitingMax: 3 }),
  )
  routing.follow([model])
  const settlements: Settlement[] = []
  const records: CallRecord[] = []
  const watched = (reservation: Reservation, settlement: Settlement, call: Call): Reservation => {
    const settle = reservation.settle.bind(reservation)
    reservation.settle = (record) => {
      settlement.used.push(tokensTaken(call, record))
      return settle(record)
    }
    return reservation
  }
  const ports: RelayPorts = {
    clock,
    routing,
    limits: {
      ...limits,
      async reserve(ask, signal) {
        const settlement = { bound: ask.bound, used: [] }
        const reservation = watched(await limits.reserve(ask, signal), settlement, ask.call)
        settlements.push(settlement)
        return reservation
      },
    },
    resolveRoute: () => ({ model }),
    ledger: {
      state: () => 'ok',
      async append() {
        await new Promise((resolve) => setImmediate(resolve))
        if (random(4) === 0) throw new Fault('ledger_unavailable', { message: 'm' })
      },
    },
    observe: () => {},
    log: (record) => void records.push(record),
    onAttempt: () => {},
  }
  return {
    clock,
    deployment,
    settlements,
    records,
    limits,
    come() {
      const client = recordingClient([])
      const call = chatCall({ stream: true, max_tokens: 1 + random(500) }, { key })
      return { client, ended: relayCall(call, chatSurface(), client, ports) }
    },
    change: (tokensPerMinute: number | null) => {
      key = { ...key, tokensPerMinute }
    },
    key: () => key,
  }
}

/** The upstream's side of an attempt: one of the ways in which it can end. */
function finish(open: Opened, random: Random): void {
  const ways = [
    () => open.resolve(scriptedAnswer([said('Hi'), finished(), usage(random(50), 1), done])),
    () => open.resolve(scriptedAnswer([said('Hi'), new Fault('upstream_cut', { message: 'm' })])),
    () => open.reject(new Fault('upstream_bad_answer', { message: 'm', started: 'yes' })),
    () => open.reject(new Fault('overloaded', { message: 'm', turnedAway: 'full' })),
  ]
  ways[random(ways.length)]?.()
  open.context.onReleased(released)
}

test.each(Array.from({ length: 200 }, (_, seed) => seed))('in order %i', async (seed) => {
  const random = seededRandom(seed)
  const house = openHouse(random)
  const calls: ReturnType<typeof house.come>[] = []
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  const steps = [
    () => void calls.push(house.come()),
    () => void calls.push(house.come()),
    () =>
      calls[random(calls.length + 1)]?.client.abandon(new Fault('client_gone', { message: 'm' })),
    () => {
      const open = house.deployment.opened.pop()
      if (open !== undefined) finish(open, random)
    },
    () => house.change(random(5) === 0 ? null : limit + random(limit)),
    () => house.clock.advance(random(400)),
  ]
  for (let step = 0; step < 60; step += 1) {
    await steps[random(steps.length)]?.()
    if (random(3) === 0) await settled()
  }
  // Everybody who is still there is answered, or leaves.
  for (const { client } of calls) client.abandon(new Fault('client_gone', { message: 'm' }))
  // A call that had its permit just then still opens, which a real upstream refuses by its signal.
  await settled()
  for (const open of house.deployment.opened) open.context.onReleased(released)
  for (const open of house.deployment.opened)
    open.reject(new Fault('client_gone', { message: 'm' }))
  await Promise.all(calls.map(({ ended }) => ended))

  expect(house.records).toHaveLength(calls.length)
  for (const { bound, used } of house.settlements) {
    expect(used).toHaveLength(1)
    expect(used[0]).toBeGreaterThanOrEqual(0)
    expect(used[0]).toBeLessThanOrEqual(bound)
  }
  const { running, waiting } = await house.limits.look(house.key())
  expect({ running, waiting }).toEqual({ running: 0, waiting: 0 })
  house.change(limit)
  // What is still missing is what the calls took, less what has come back since.
  const took = house.settlements.reduce((sum, { used }) => sum + (used[0] ?? 0), 0)
  const { tokens } = (await house.limits.look(house.key())).rates
  expect(tokens?.remaining).toBeGreaterThanOrEqual(limit - took - 1)
  expect(tokens?.remaining).toBeLessThanOrEqual(limit)
})
