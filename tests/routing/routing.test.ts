// Which deployment a call is booked at, and what becomes of one that is defined anew.
import { expect, test } from 'vitest'
import { type Deployment, Fault } from '#src/domain/index.ts'
import type { OpenUpstream } from '#src/routing/fleet.ts'
import { type Booking, createRouting, routingOptions } from '#src/routing/index.ts'
import { chatCall } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleModel } from '../support/sample-model.ts'
import {
  chunkEvent,
  type ScriptedDeployment,
  sampleDeployment,
  scriptedAnswer,
  scriptedDeployment,
} from '../support/scripted-deployment.ts'
import { unhurried } from './door.ts'

function createFleet(waitingMax = 100) {
  const opened: { deployment: Deployment; upstream: ScriptedDeployment }[] = []
  const clock = createFakeClock()
  const broken: string[] = []
  const open: OpenUpstream = (latest) => {
    const deployment = latest()
    const slots = () => latest().slots
    if (deployment.kind === 'unknown') throw new Fault('no_deployment', { message: 'm' })
    const isMute = deployment.kind === 'mute'
    const upstream = scriptedDeployment(deployment.slots, isMute ? { speaks: () => null } : {})
    Object.assign(upstream, { capacity: slots })
    opened.push({ deployment, upstream })
    return upstream
  }
  const routing = createRouting(
    { clock, open, onBroken: ({ id }) => void broken.push(id), onCircuit: () => {} },
    routingOptions.parse({ waitingMax }),
  )
  const follow = (deployments: readonly Deployment[]) =>
    routing.follow(deployments.length === 0 ? [] : [sampleModel({ deployments })])
  const book = (deployments: readonly Deployment[]) => {
    follow(deployments)
    return routing.book({ call, refusal: () => null }, sampleModel({ deployments }))
  }
  return { routing, follow, book, opened, broken, clock }
}

/** Whatever only waits for promises has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

const call = chatCall({})
const { signal } = new AbortController()

function stationOf(booking: Booking) {
  const [station] = booking.plan()
  if (station === undefined) throw new Error('the plan is empty')
  return station
}

test('a call is booked at the first deployment that speaks its surface', () => {
  const { book } = createFleet()
  const deployments = [
    sampleDeployment({ id: 'one', kind: 'mute' }),
    sampleDeployment({ id: 'two' }),
    sampleDeployment({ id: 'three' }),
  ]
  expect(stationOf(book(deployments)).deployment.id).toBe('two')
})

test.each([
  ['none', []],
  ['none that speaks its surface', [sampleDeployment({ kind: 'mute' })]],
])('a call with %s is refused: no deployment', (_what, deployments) => {
  const { book } = createFleet()
  expect(() => book(deployments)).toThrow(expect.objectContaining({ kind: 'no_deployment' }))
})

test('a body goes where it is taken, and is refused unsent where none is as large', () => {
  const { book, opened } = createFleet()
  const deployments = [sampleDeployment({ id: 'small' }), sampleDeployment({ id: 'large' })]
  book(deployments)
  book(deployments.slice(1))
  const bytes = call.body.bytes.length
  for (const { deployment, upstream } of opened) {
    Object.assign(upstream, { bodyBytesMax: deployment.id === 'small' ? bytes - 1 : bytes })
  }
  expect(stationOf(book(deployments)).deployment.id).toBe('large')
  for (const { upstream } of opened) Object.assign(upstream, { bodyBytesMax: bytes - 1 })
  expect(() => book(deployments)).toThrow(
    expect.objectContaining({
      kind: 'body_too_large',
      message: expect.stringContaining(`${bytes - 1} bytes`),
    }),
  )
})

test('a full line refuses the booking', () => {
  const { book } = createFleet(1)
  const deployments = [sampleDeployment()]
  book(deployments)
  book(deployments)
  expect(() => book(deployments)).toThrow(expect.objectContaining({ kind: 'overloaded' }))
})

test('one deployment is one station, however often the registry is read anew', () => {
  const { book, opened } = createFleet()
  const before = stationOf(book([sampleDeployment()]))
  const after = stationOf(book([sampleDeployment()]))
  expect(opened).toHaveLength(1)
  expect(after).toBe(before)
})

const elsewhere = { options: { baseUrl: 'http://127.0.0.1:2' } }

/* biome-ignore format: a table reads as a table */
test.each([
  ['in another way', elsewhere],
  ['by another kind', { kind: 'another' }],
])('a deployment that is reached %s gets a new station; the old one closes when it is empty', async (_what, changes) => {
  const { book, opened } = createFleet()
  const running = await book([sampleDeployment()]).permit(signal, unhurried)
  const station = stationOf(book([sampleDeployment(changes)]))
  expect(station.deployment).toMatchObject(changes)
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([false, false])
  running.release()
  await settled()
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([true, false])
})

const gpu = { type: 'H100', count: 4, nanoUsdPerSecond: 1 }

/* biome-ignore format: a table reads as a table */
test.each([
  ['its slots',       { slots: 2 }],
  ['its name there',  { servedName: 'another' }],
  ['its GPU',         { gpu }],
])('of a deployment of which %s is said anew, those who run there are still counted', async (_what, changes) => {
  const { book, opened } = createFleet()
  const [deployment, anew] = [sampleDeployment({ slots: 1 }), sampleDeployment({ slots: 1, ...changes })]
  const running = await book([deployment]).permit(signal, unhurried)
  const booking = book([anew])
  expect(stationOf(booking).deployment).toBe(anew)
  expect(opened).toHaveLength(1)
  expect(booking.atOnce() === null).toBe(anew.slots === 1)
  running.release()
})

test('more slots let in who waits for one', async () => {
  const { book } = createFleet()
  await book([sampleDeployment({ slots: 1 })]).permit(signal, unhurried)
  const waits = book([sampleDeployment({ slots: 1 })]).permit(signal, unhurried)
  book([sampleDeployment({ slots: 2 })]).leave()
  await expect(waits).resolves.toBeDefined()
})

test('a deployment that is switched off and on again is the same, with whom it has', async () => {
  const { follow, book, opened } = createFleet()
  const running = await book([sampleDeployment()]).permit(signal, unhurried)
  for (let times = 0; times < 3; times += 1) {
    follow([])
    const booking = book([sampleDeployment()])
    expect(booking.atOnce()).toBeNull()
    booking.leave()
  }
  expect(opened).toHaveLength(1)
  running.release()
  await settled()
  expect(opened[0]?.upstream.isClosed).toBe(false)
  follow([])
  await settled()
  expect(opened[0]?.upstream.isClosed).toBe(true)
  book([sampleDeployment()])
  expect(opened).toHaveLength(2)
})

test('a call that is turned away where its deployment goes is answered by the one that comes', async () => {
  const { routing, follow, book, opened } = createFleet()
  const booking = book([sampleDeployment()])
  const watcher = {
    queued() {},
    leftQueue() {},
    turnedAway() {},
    progress() {},
    began: () => ({ faulted() {}, released() {} }),
  }
  const toUpstream = () => ({ path: '/p', body: Buffer.from('b') })
  const answer = routing.firstAnswer({ call, booking, signal, watcher, toUpstream })
  const first = await opened[0]?.upstream.nextOpen()
  follow([sampleDeployment({ id: 'comes' })])
  first?.context.onReleased({ how: 'ended', cancellation: 'none' })
  first?.reject(new Fault('overloaded', { message: 'm', turnedAway: 'full' }))
  const second = await opened[1]?.upstream.nextOpen()
  second?.resolve(scriptedAnswer([chunkEvent({ id: '1', choices: [] })]))
  await expect(answer).resolves.toBeDefined()
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([true, false])
})

test('a call that waits where its model goes hears that nobody is left', async () => {
  const { follow, book } = createFleet()
  await book([sampleDeployment()]).permit(signal, unhurried)
  const waits = book([sampleDeployment()]).permit(signal, unhurried)
  follow([])
  await expect(waits).rejects.toMatchObject({ kind: 'no_deployment' })
})

const unknown = sampleDeployment({ id: 'two', kind: 'unknown' })

test('a deployment that cannot be opened does not take the others of its model with it', () => {
  const { routing, book, broken } = createFleet()
  const deployments = [unknown, sampleDeployment({ id: 'three' })]
  for (let times = 0; times < 3; times += 1) {
    expect(stationOf(book(deployments)).deployment.id).toBe('three')
  }
  expect(broken).toEqual(['two'])
  const load = routing.load().map(({ deployment, readiness }) => [deployment, readiness.state])
  expect(load).toEqual([
    ['three', 'warm'],
    ['two', 'broken'],
  ])
})

test('one that nobody asked for is known, and told once for each way in which it is broken', () => {
  const { routing, follow, opened, broken } = createFleet()
  follow([unknown, sampleDeployment({ id: 'off', isDisabled: true })])
  // The registry's next snapshot: other objects that say the same.
  follow([{ ...unknown }, sampleDeployment({ id: 'good' })])
  expect(broken).toEqual(['two'])
  follow([{ ...unknown, options: { other: true } }])
  expect(broken).toEqual(['two', 'two'])
  expect(opened.map(({ deployment }) => deployment.id)).toEqual(['good'])
  follow([])
  expect(routing.load()).toEqual([])
})

test('a deployment that cannot be opened in its new way is what it was when that is put back', async () => {
  const { book, opened } = createFleet()
  const good = sampleDeployment()
  book([good]).leave()
  for (let times = 0; times < 3; times += 1) {
    const bookBroken = () => book([{ ...good, kind: 'unknown' }])
    expect(bookBroken).toThrow(expect.objectContaining({ kind: 'no_deployment' }))
  }
  await settled()
  for (const again of [good, { ...good }]) book([again])
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([false])
})

test('nothing is left of a pause when all is closed', async () => {
  const { routing, book, clock } = createFleet()
  const station = stationOf(book([sampleDeployment()]))
  station.pause.begin('full', 45_000)
  expect(clock.pending()).toBe(1)
  await routing.close()
  expect(clock.pending()).toBe(0)
})

test('closing closes those too whose deployment is gone and whose last call is not over', async () => {
  const { routing, follow, book, opened } = createFleet()
  await book([sampleDeployment()]).permit(signal, unhurried)
  follow([])
  await routing.close()
  expect(opened[0]?.upstream.isClosed).toBe(true)
})

test('the load is told for each deployment, and who waits for each model', async () => {
  const { routing, book } = createFleet()
  const deployments = [sampleDeployment()]
  await book(deployments).permit(signal, unhurried)
  void book(deployments).permit(signal, unhurried)
  void book([...deployments, sampleDeployment({ id: 'other', slots: 4 })])
  const quiet = { readiness: { state: 'warm' }, circuit: 'closed', isPaused: false }
  expect(routing.load()).toEqual([
    { ...quiet, deployment: 'deployment-1', running: 1, places: 1 },
    { ...quiet, deployment: 'other', running: 1, places: 4 },
  ])
  expect(routing.waiting()).toEqual([{ model: 'asked', waiting: 0 }])
})

test('closing closes every upstream', async () => {
  const { routing, book, opened } = createFleet()
  book([sampleDeployment({ id: 'one' }), sampleDeployment({ id: 'two' })])
  await routing.close()
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([true, true])
})

test('a deployment that is gone from the registry closes after its last call, others stay', async () => {
  const { routing, follow, book, opened } = createFleet()
  const [gone, stays] = [sampleDeployment({ id: 'gone' }), sampleDeployment({ id: 'stays' })]
  const running = await book([gone, stays]).permit(signal, unhurried)
  follow([stays])
  expect(routing.load().map(({ deployment }) => deployment)).toEqual(['stays'])
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([false, false])
  running.release()
  await settled()
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([true, false])
})
