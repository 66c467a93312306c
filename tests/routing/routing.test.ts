// Which deployment a call is booked at, and what becomes of one that is defined anew.
import { expect, test } from 'vitest'
import type { Deployment } from '#src/domain/index.ts'
import { createRouting } from '#src/routing/index.ts'
import { chatCall } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import {
  type ScriptedDeployment,
  sampleDeployment,
  scriptedDeployment,
} from '../support/scripted-deployment.ts'

function createFleet(waitingMax = 100) {
  const opened: { deployment: Deployment; upstream: ScriptedDeployment }[] = []
  const routing = createRouting(
    (deployment) => {
      const isMute = deployment.kind === 'mute'
      const upstream = scriptedDeployment(deployment.slots, isMute ? { speaks: () => null } : {})
      opened.push({ deployment, upstream })
      return upstream
    },
    { waitingMax, busyPauseMs: 250 },
    createFakeClock(),
  )
  return { routing, opened }
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

test('a deployment that is defined anew gets a new station; the old one closes when it is empty', async () => {
  const { routing, opened } = createFleet()
  const running = await routing.book(call, [sampleDeployment()]).place.permit(signal)
  const { station } = routing.book(call, [sampleDeployment({ servedName: 'another' })])
  expect(station.deployment.servedName).toBe('another')
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([false, false])
  running.release()
  await new Promise((resolve) => setImmediate(resolve))
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([true, false])
})

test('the load is told for each deployment: who runs and who waits, of how many places', async () => {
  const { routing } = createFleet()
  const deployments = [sampleDeployment()]
  await routing.book(call, deployments).place.permit(signal)
  void routing.book(call, deployments).place.permit(signal)
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
  const running = await place.permit(signal)
  routing.keepOnly(new Set(['stays']))
  expect(routing.load().map(({ deployment }) => deployment)).toEqual(['stays'])
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([false, false])
  running.release()
  await new Promise((resolve) => setImmediate(resolve))
  expect(opened.map(({ upstream }) => upstream.isClosed)).toEqual([true, false])
})
