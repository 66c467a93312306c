// Which deployment a call is booked at, and what becomes of one that is defined anew.
import { expect, test } from 'vitest'
import { type Deployment, Fault } from '#src/domain/index.ts'
import type { OpenUpstream } from '#src/routing/fleet.ts'
import { createRouting } from '#src/routing/index.ts'
import { chatCall } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
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
  const open: OpenUpstream = (deployment, slots) => {
    if (deployment.kind === 'unknown') throw new Fault('no_deployment', { message: 'm' })
    const isMute = deployment.kind === 'mute'
    const upstream = scriptedDeployment(deployment.slots, isMute ? { speaks: () => null } : {})
    Object.assign(upstream, { capacity: slots })
    opened.push({ deployment, upstream })
    return upstream
  }
  const routing = createRouting(
    { clock, open, onBroken: ({ id }) => void broken.push(id) },
    { waitingMax, busyPauseMs: 250, fullWaitMs: 20_000 },
  )
  return { routing, opened, broken, clock }
}

/** Whatever only waits for promises has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

const call = chatCall({})
const { signal } = new AbortController()

test('a call is booked at the first deployment that speaks its surface', () => {
  const { routing } = createFleet()
  const deployments = [
    sampleDeployment({ id: 'one', kind: 'mute' }),
    sampleDeployment({ id: 'two' }),
    sampleDeployment({ id: 'three' }),
  ]
  expect(routing.book(call, deployments).station.deployment.id).toBe('two')
})

test.each([
  ['none', []],
  ['none that speaks its surface', [sampleDeployment({ kind: 'mute' })]],
])('a call with %s is refused: no deployment', (_what, deployments) => {
  const { routing } = createFleet()
  expect(() => routing.book(call, deployments)).toThrow(
    expect.objectContaining({ kind: 'no_deployment' }),
  )
})

test('a body goes where it is taken, and is refused unsent where none is as large', () => {
  const { routing, opened } = createFleet()
  const deployments = [sampleDeployment({ id: 'small' }), sampleDeployment({ id: 'large' })]
  routing.book(call, deployments)
  routing.book(call, deployments.slice(1))
  const bytes = call.body.bytes.length
  for (const { deployment, upstream } of opened) {
    Object.assign(upstream, { bodyBytesMax: deployment.id === 'small' ? bytes - 1 : bytes })
  }
  expect(routing.book(call, deployments).station.deployment.id).toBe('large')
  for (const { upstream } of opened) Object.assign(upstream, { bodyBytesMax: bytes - 1 })
  expect(() => routing.book(call, deployments)).toThrow(
    expect.objectContaining({
      kind: 'body_too_large',
      message: expect.stringContaining(`${bytes - 1} bytes`),
    }),
  )
})

test('a full line refuses the booking', () => {
  const { routing } = createFleet(1)
  const deployments = [sampleDeployment()]
  routing.book(call, deployments)
  routing.book(call, deployments)
  expect(() => routing.book(call, deployments)).toThrow(
    expect.objectContaining({ kind: 'overloaded' }),
  )
})

test('one deployment is one station, however often the registry is read anew', () => {
  const { routing, opened } = createFleet()
  const before = routing.book(call, [sampleDeployment()]).station
  const after = routing.book(call, [sampleDeployment()]).station
  expect(opened).toHaveLength(1)
  expect(after.gate).toBe(before.gate)
})

const elsewhere = { options: { baseUrl: 'http://127.0.0.1:2' } }

/* biome-ignore format: a table reads as a table */
test.each([
  ['in another way', elsewhere],
  ['by another kind', { kind: 'another' }],
])('a deployment that is reached %s gets a new station; the old one closes when it is empty', async (_what, changes) => {
  const { routing, opened } = createFleet()
  const running = await routing.book(call, [sampleDeployment()]).place.permit(signal, unhurried)
  const { station } = routing.book(call, [sampleDeployment(changes)])
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
  const { routing, opened } = createFleet()
  const [deployment, anew] = [sampleDeployment({ slots: 1 }), sampleDeployment({ slots: 1, ...changes })]
  const running = await routing.book(call, [deployment]).place.permit(signal, unhurried)
  const { place, station } = routing.book(call, [anew])
  expect(station.deployment).toBe(anew)
  expect(opened).toHaveLength(1)
  expect(place.atOnce() === null).toBe(anew.slots === 1)
  running.release()
})

test('more slots let in who waits for one', async () => {
  const { routing } = createFleet()
  await routing.book(call, [sampleDeployment({ slots: 1 })]).place.permit(signal, unhurried)
  const waits = routing.book(call, [sampleDeployment({ slots: 1 })]).place.permit(signal, unhurried)
  routing.book(call, [sampleDeployment({ slots: 2 })]).place.leave()
  await expect(waits).resolves.toBeDefined()
})

test('a deployment that is switched off and on again is the same, with whom it has', async () => {
  const { routing, opened } = createFleet()
  const running = await routing.book(call, [sampleDeployment()]).place.permit(signal, unhurried)
  for (let times = 0; times < 3; times += 1) {
    routing.follow([])
    const { place } = routing.book(call, [sampleDeployment()])
    expect(place.atOnce()).toBeNull()
    place.leave()
  }
  expect(opened).toHaveLength(1)
  running.release()
  await settled()
  expect(opened[0]?.upstream.isClosed).toBe(false)
  routing.follow([])
  await settled()
  expect(opened[0]?.upstream.isClosed).toBe(true)
  routing.book(call, [sampleDeployment()])
  expect(opened).toHaveLength(2)
})

test('a call that is turned away where its deployment goes is tried there again', async () => {
  const { routing, opened, clock } = createFleet()
  const { place, station } = routing.book(call, [sampleDeployment()])
  const watcher = {
    queued() {},
    leftQueue() {},
    progress() {},
    began: () => ({ faulted() {}, released() {} }),
  }
  const toUpstream = () => ({ path: '/p', body: Buffer.from('b') })
  const answer = routing.firstAnswer({ call, place, station, signal, watcher, toUpstream })
  const first = await opened[0]?.upstream.nextOpen()
  routing.follow([])
  first?.context.onReleased({ how: 'ended', cancellation: 'none' })
  await settled()
  first?.reject(new Fault('overloaded', { message: 'm', turnedAway: 'full' }))
  await settled()
  expect(opened[0]?.upstream.isClosed).toBe(false)
  await clock.advance(250)
  const second = await opened[0]?.upstream.nextOpen()
  second?.resolve(scriptedAnswer([chunkEvent({ id: '1', choices: [] })]))
  await expect(answer).resolves.toBeDefined()
  second?.context.onReleased({ how: 'ended', cancellation: 'none' })
  await settled()
  expect(opened[0]?.upstream.isClosed).toBe(true)
})

const unknown = sampleDeployment({ id: 'two', kind: 'unknown' })

test('a deployment that cannot be opened does not take the others of its model with it', () => {
  const { routing, broken } = createFleet()
  const deployments = [unknown, sampleDeployment({ id: 'three' })]
  for (let times = 0; times < 3; times += 1) {
    expect(routing.book(call, deployments).station.deployment.id).toBe('three')
  }
  expect(broken).toEqual(['two'])
  const load = routing.load().map(({ deployment, readiness }) => [deployment, readiness.state])
  expect(load).toEqual([
    ['three', 'warm'],
    ['two', 'broken'],
  ])
})

test('one that nobody asked for is known, and told once for each way in which it is broken', () => {
  const { routing, broken, opened } = createFleet()
  routing.follow([unknown, sampleDeployment({ id: 'off', isDisabled: true })])
  // The registry's next snapshot: other objects that say the same.
  routing.follow([{ ...unknown }, sampleDeployment({ id: 'good' })])
  expect(broken).toEqual(['two'])
  routing.follow([{ ...unknown, options: { other: true } }])
  expect(broken).toEqual(['two', 'two'])
  expect(opened.map(({ deployment }) => deployment.id)).toEqual(['good'])
  routing.follow([])
  expect(routing.load()).toEqual([])
})

test('a deployment that cannot be opened in its new way is what it was when that is put back', async () => {
  const { routing, opened } = createFleet()
  const good = sampleDeployment()
  routing.book(call, [good]).place.leave()
  for (let times = 0; times < 3; times += 1) {
    const book = () => routing.book(call, [{ ...good, kind: 'unknown' }])
    expect(book).toThrow(expect.objectContaining({ kind: 'no_deployment' }))
  }
  await settled()
  for (const again of [good, { ...good }]) routing.book(call, [again])
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([false])
})

test('nothing is left of a pause when all is closed', async () => {
  const { routing, clock } = createFleet()
  const { station } = routing.book(call, [sampleDeployment()])
  station.gate.turnedAway('full', 45_000)
  expect(clock.pending()).toBe(1)
  await routing.close()
  expect(clock.pending()).toBe(0)
})

test('closing closes those too whose deployment is gone and whose last call is not over', async () => {
  const { routing, opened } = createFleet()
  await routing.book(call, [sampleDeployment()]).place.permit(signal, unhurried)
  routing.follow([])
  await routing.close()
  expect(opened[0]?.upstream.isClosed).toBe(true)
})

test('the load is told for each deployment: who runs and who waits, of how many places', async () => {
  const { routing } = createFleet()
  const deployments = [sampleDeployment()]
  await routing.book(call, deployments).place.permit(signal, unhurried)
  void routing.book(call, deployments).place.permit(signal, unhurried)
  routing.book(call, [sampleDeployment({ id: 'other' })])
  const quiet = { readiness: { state: 'warm' }, places: 1, isPaused: false }
  expect(routing.load()).toEqual([
    { ...quiet, deployment: 'deployment-1', running: 1, waiting: 1 },
    { ...quiet, deployment: 'other', running: 0, waiting: 0 },
  ])
})

test('closing closes every upstream', async () => {
  const { routing, opened } = createFleet()
  routing.book(call, [sampleDeployment({ id: 'one' })])
  routing.book(call, [sampleDeployment({ id: 'two' })])
  await routing.close()
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([true, true])
})

test('a deployment that is gone from the registry closes after its last call, others stay', async () => {
  const { routing, opened } = createFleet()
  const [gone, stays] = [sampleDeployment({ id: 'gone' }), sampleDeployment({ id: 'stays' })]
  const { place } = routing.book(call, [gone])
  routing.book(call, [stays])
  const running = await place.permit(signal, unhurried)
  routing.follow([stays])
  expect(routing.load().map(({ deployment }) => deployment)).toEqual(['stays'])
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([false, false])
  running.release()
  await new Promise((resolve) => setImmediate(resolve))
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([true, false])
})
