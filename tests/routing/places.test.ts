// Places are sequences, and a model's line stands before all of its deployments: who goes where
// when places open, close, move and vanish.
import { describe, expect, test } from 'vitest'
import type { Deployment, Model } from '#src/domain/index.ts'
import { type Booking, routingOptions } from '#src/routing/index.ts'
import { Line } from '#src/routing/line.ts'
import { type Permit, Station } from '#src/routing/station.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleModel } from '../support/sample-model.ts'
import { sampleDeployment, scriptedDeployment } from '../support/scripted-deployment.ts'
import { never, settled, unhurried } from './door.ts'

const body = chatCall({})
const cold = { state: 'cold', etaMs: null } as const

/** A line before named deployments; calls say where they went, or why not. */
function createLine(given: Record<string, Partial<Deployment>>, waitingMax = 100) {
  const clock = createFakeClock()
  const options = routingOptions.parse({ waitingMax })
  const ports = { clock, options, onCircuit: () => {} }
  const line = new Line(sampleModel(), { clock, options, random: () => 0 })
  const stations = new Map<string, Station>()
  const went: string[] = []
  const permits = new Map<string, Permit>()
  const bookings = new Map<string, Booking>()

  function add(id: string, changes: Partial<Deployment> = {}): void {
    const deployment = sampleDeployment({ id, ...changes })
    const station = new Station(deployment, scriptedDeployment(deployment.slots), ports)
    station.onChange = () => line.look()
    stations.set(id, station)
  }
  function at(id: string) {
    const station = stations.get(id)
    if (station === undefined) throw new Error(`there is no ${id}`)
    return station
  }
  const upstreamOf = (id: string) => at(id).upstream as ReturnType<typeof scriptedDeployment>
  function follow(ids: readonly string[], changes: Partial<Model> = {}): void {
    const policy = { allowThirdParty: true }
    line.follow(sampleModel({ policy, ...changes }), ids.map(at))
  }
  function askAgain(name: string, signal = never): void {
    bookings
      .get(name)
      ?.permit(signal, unhurried)
      .then(
        (permit) => {
          permits.set(name, permit)
          went.push(`${name} ${permit.station.deployment.id}`)
        },
        (cause: { kind: string }) => went.push(`${name} ${cause.kind}`),
      )
  }
  async function arrive(name: string, sequences = 1, thirdParty = true): Promise<void> {
    const call = { ...body, sequences, key: { ...sampleKey, thirdParty } }
    bookings.set(name, line.enter({ call, refusal: () => null }))
    askAgain(name)
    await settled()
  }
  async function leave(name: string): Promise<void> {
    permits.get(name)?.release()
    await settled()
  }
  async function turnedAway(name: string): Promise<void> {
    const { station } = permits.get(name) ?? {}
    station?.pause.begin('cold', 1_000)
    await leave(name)
    bookings.get(name)?.comeAgain('cold', null)
    askAgain(name)
    await settled()
  }
  function breaks(id: string): void {
    const { circuit } = at(id)
    for (let times = 0; times < 5; times += 1) circuit.ended('bad', 'key', circuit.began())
  }
  for (const [id, changes] of Object.entries(given)) add(id, changes)
  follow(Object.keys(given))
  return { clock, line, went, add, at, upstreamOf, follow, arrive, leave, turnedAway, breaks }
}

describe('a call weighs its sequences', () => {
  test('one of more than there are places starts alone, and takes them all', async () => {
    const { arrive, leave, went, at } = createLine({ a: { slots: 4 } })
    await arrive('light')
    await arrive('heavy', 64)
    expect(went).toEqual(['light a'])
    await leave('light')
    expect(at('a').running).toBe(4)
    await arrive('next')
    expect(went).toEqual(['light a', 'heavy a'])
    await leave('heavy')
    expect(went).toEqual(['light a', 'heavy a', 'next a'])
  })

  test('a heavy head keeps its turn: places kept for it are not free', async () => {
    const { arrive, leave, went, line } = createLine({ a: { slots: 4 } }, 2)
    for (const name of ['one', 'two']) await arrive(name, 2)
    await leave('one')
    await arrive('heavy', 3)
    await arrive('light')
    // Two places are free, and two calls stand in the line of two.
    await expect(arrive('third')).rejects.toMatchObject({ kind: 'overloaded' })
    expect(line.waiting).toBe(2)
    await leave('two')
    expect(went).toEqual(['one a', 'two a', 'heavy a', 'light a'])
  })

  test('a head that goes to another deployment frees what was kept for it here', async () => {
    const { arrive, leave, went, follow, add } = createLine({ a: { slots: 4 } })
    await arrive('runs', 3)
    await arrive('heavy', 4)
    await arrive('light')
    add('b', { slots: 4 })
    follow(['a', 'b'])
    await settled()
    expect(went).toEqual(['runs a', 'heavy b', 'light a'])
    await leave('runs')
  })

  test('while all is cold one call starts, whatever its weight, and counts in full', async () => {
    const { arrive, leave, went, at, upstreamOf } = createLine({ a: { slots: 8 } })
    upstreamOf('a').setReadiness(cold)
    upstreamOf('a').setCapacity(1)
    await arrive('heavy', 6)
    await arrive('other', 2)
    await arrive('last')
    expect(went).toEqual(['heavy a'])
    upstreamOf('a').setReadiness({ state: 'warm' })
    upstreamOf('a').setCapacity(8)
    await settled()
    expect([went, at('a').running]).toEqual([['heavy a', 'other a'], 8])
    await leave('heavy')
    expect(went).toEqual(['heavy a', 'other a', 'last a'])
  })
})

describe('the line', () => {
  test('counts no free places of a deployment that is left alone', async () => {
    const { arrive, at, line } = createLine({ a: { slots: 50 } }, 1)
    at('a').pause.begin('full', 60_000)
    await arrive('waits')
    await expect(arrive('more')).rejects.toMatchObject({ kind: 'overloaded' })
    expect(line.waiting).toBe(1)
  })

  test('lets in who can start at once, also where more came again than may wait', async () => {
    const { arrive, turnedAway, went, at } = createLine({ a: {}, b: { isThirdParty: true } }, 0)
    await arrive('one', 1, false)
    at('a').pause.begin('cold', 60_000)
    await turnedAway('one')
    at('a').upstream.readiness = () => ({ state: 'failing' })
    await arrive('two')
    expect(went).toEqual(['one a', 'two b'])
  })

  test('lets nobody that comes again overtake who came again before it', async () => {
    const { arrive, turnedAway, went, clock, at } = createLine({ a: { slots: 2 } })
    for (const name of ['one', 'two']) await arrive(name)
    at('a').pause.begin('cold', 1_000)
    for (const name of ['one', 'two']) await turnedAway(name)
    await clock.advance(1_000)
    expect(went).toEqual(['one a', 'two a', 'one a', 'two a'])
  })

  test('is told to all of it at once that nobody is left', async () => {
    const { arrive, went, follow, line, clock } = createLine({ a: {} })
    for (const name of ['runs', 'one', 'two', 'three']) await arrive(name)
    expect(() => follow([])).not.toThrow()
    await settled()
    expect(went.slice(1)).toEqual(['one no_deployment', 'two no_deployment', 'three no_deployment'])
    expect([line.waiting, line.entered, clock.pending()]).toEqual([0, 0, 0])
  })

  test('is left, where all circuits open, with the time of the next trial', async () => {
    const { arrive, went, breaks, line, clock, at } = createLine({ a: {}, b: {} })
    for (const name of ['runs', 'too', 'one', 'two', 'three']) await arrive(name)
    breaks('a')
    await clock.advance(2_000)
    expect(went).toHaveLength(2)
    for (const id of ['a', 'b']) at(id).pause.begin('full', 60_000)
    breaks('b')
    await settled()
    const refused = ['one circuit_open', 'two circuit_open', 'three circuit_open']
    expect(went.slice(2)).toEqual(refused)
    await expect(arrive('four')).rejects.toMatchObject({
      kind: 'circuit_open',
      retryAfterMs: 3_000,
    })
    for (const id of ['a', 'b']) at(id).close()
    expect([line.waiting, line.entered, clock.pending()]).toEqual([0, 0, 0])
  })
})

describe('the policy', () => {
  test('order: one call wakes the first, the others go to one that is ready', async () => {
    const { arrive, went, upstreamOf } = createLine({ a: { slots: 4 }, b: { slots: 4 } })
    upstreamOf('a').setReadiness(cold)
    upstreamOf('a').setCapacity(1)
    for (const name of ['one', 'two', 'three']) await arrive(name)
    expect(went).toEqual(['one a', 'two b', 'three b'])
  })

  test.each(['cold', 'warming'] as const)(
    'order: no second is woken while the first, that says %s, is being woken',
    async (state) => {
      const { arrive, went, upstreamOf } = createLine({ a: { slots: 4 }, b: { slots: 4 } })
      for (const id of ['a', 'b']) {
        upstreamOf(id).setReadiness(cold)
        upstreamOf(id).setCapacity(1)
      }
      await arrive('one')
      if (state === 'warming') {
        upstreamOf('a').setReadiness({ state, phase: 'worker', etaMs: null })
      }
      for (const name of ['two', 'three']) await arrive(name)
      expect(went).toEqual(['one a'])
      upstreamOf('a').setReadiness({ state: 'warm' })
      upstreamOf('a').setCapacity(2)
      await settled()
      expect(went).toEqual(['one a', 'two a', 'three b'])
    },
  )

  test('order: one that cannot be reached while it wakes holds up nobody', async () => {
    const { arrive, went, upstreamOf, breaks } = createLine({ a: {}, b: {} })
    upstreamOf('a').setReadiness({ state: 'warming', phase: 'worker', etaMs: null })
    upstreamOf('b').setReadiness(cold)
    breaks('a')
    await arrive('one')
    expect(went).toEqual(['one b'])
  })

  test('weighted: a weight of 0 drains, who runs there runs on', async () => {
    const { arrive, went, follow, at } = createLine({ a: { slots: 4 }, b: { slots: 4 } })
    await arrive('one')
    at('a').deployment = { ...at('a').deployment, weight: 0 }
    follow(['a', 'b'], { routing: 'weighted' })
    for (const name of ['two', 'three']) await arrive(name)
    expect(went).toEqual(['one a', 'two b', 'three b'])
    expect(at('a').running).toBe(1)
  })
})

describe('waiters move along', () => {
  test.each<[string, string[], (line: ReturnType<typeof createLine>) => void]>([
    ['added', ['runs a', 'waits b'], ({ follow }) => follow(['a', 'b'])],
    ['removed', ['runs a', 'waits no_deployment'], ({ follow }) => follow([])],
    ['exchanged', ['runs a', 'waits b'], ({ follow }) => follow(['b'])],
    ['resized', ['runs a', 'waits a'], ({ upstreamOf }) => upstreamOf('a').setCapacity(2)],
  ])('where a deployment is %s', async (_what, expected, change) => {
    const line = createLine({ a: {} })
    for (const name of ['runs', 'waits']) await line.arrive(name)
    line.add('b')
    change(line)
    await settled()
    expect(line.went).toEqual(expected)
  })

  test('to a third party that is added while they wait, once they have waited', async () => {
    const { arrive, went, add, follow, clock } = createLine({ a: {} })
    await arrive('runs')
    await arrive('waits')
    await arrive('without the right', 1, false)
    await clock.advance(500)
    add('b', { isThirdParty: true, slots: 4 })
    follow(['a', 'b'])
    await clock.advance(1_499)
    expect(went).toEqual(['runs a'])
    await clock.advance(1)
    expect(went).toEqual(['runs a', 'waits b'])
  })

  test('to a third party, also where the timer is a little early', async () => {
    const { arrive, went, clock } = createLine({ a: {}, b: { isThirdParty: true } })
    await arrive('runs')
    await arrive('waits')
    const { ticksMs } = clock
    clock.ticksMs = () => ticksMs() - 0.4
    await clock.advance(2_000)
    expect(went).toEqual(['runs a', 'waits b'])
  })

  test('a plan that is lost is not followed, whoever asks for it again', async () => {
    const { arrive, went, line, follow } = createLine({ a: {}, b: { isThirdParty: true } })
    await arrive('runs')
    const booking = line.enter({
      call: { ...body, key: { ...sampleKey, thirdParty: true } },
      refusal: () => null,
    })
    follow([])
    expect(booking.isPaused()).toBe(false)
    expect(() => booking.atOnce()).toThrow(expect.objectContaining({ kind: 'no_deployment' }))
    booking.leave()
    expect([went, line.entered]).toEqual([['runs a'], 0])
  })
})
