// The line before three deployments whose places open, close, resize and vanish at random, beside a
// plain list of what must be true of it. Whoever finds a seed that fails adds it to the table.
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import type { Model } from '#src/domain/index.ts'
import { type Booking, routingOptions } from '#src/routing/index.ts'
import { Line } from '#src/routing/line.ts'
import { type Permit, Station } from '#src/routing/station.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleModel } from '../support/sample-model.ts'
import { sampleDeployment, scriptedDeployment } from '../support/scripted-deployment.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { settled, unhurried } from './door.ts'
import {
  doomOf,
  fallbackAfterMs,
  freePlace,
  grant,
  joinLine,
  openCircuit,
  type RefCall,
  type RefDeployment,
  type Reference,
  release,
  running,
  startsAtOnce,
} from './line-reference.ts'

interface Given {
  seed: number
  steps: number
  waitingMax: number
  hasThirdParty: boolean
  routing: Model['routing']
}

interface Live extends RefCall {
  booking: Booking
  permit: Permit | null
  controller: AbortController
  /** How it is to end; null: with a permit. */
  doom: string | null
}

const body = chatCall({})

function createRun({ seed, waitingMax, hasThirdParty, routing }: Given) {
  const random = seededRandom(seed)
  const clock = createFakeClock()
  const options = routingOptions.parse({ waitingMax, fallbackAfterMs })
  const ports = { clock, options, onCircuit: () => {} }
  const names = ['first', 'second', 'third']
  const places = names.map((name, at) => {
    const isThirdParty = hasThirdParty && at === 2
    const upstream = scriptedDeployment(64)
    const deployment = sampleDeployment({ id: name, slots: 64, isThirdParty })
    const ref: RefDeployment = {
      name,
      isThirdParty,
      isListed: true,
      slots: 64,
      capacity: 64,
      readiness: 'warm',
      pausedUntilMs: 0,
      circuit: 'closed',
    }
    return { ref, upstream, station: new Station(deployment, upstream, ports) }
  })
  const reference: Reference = {
    deployments: places.map(({ ref }) => ref),
    waiting: [],
    held: new Map(),
    isThirdPartyAllowed: true,
    nowMs: clock.ticksMs,
  }
  const line = new Line(sampleModel(), { clock, options, random: () => random(1_000) / 1_000 })
  const wrongs: string[] = []
  const live = new Map<RefCall, Live>()
  const aside: Live[] = []
  const seen = { waitingMost: 0, granted: 0, thirdParty: 0, refused: 0, lost: 0, alone: 0 }
  let made = 0

  const pick = <T>(from: readonly T[]): T | undefined => from[random(from.length)]
  const liveOf = (call: RefCall | undefined) => (call === undefined ? undefined : live.get(call))

  function arrive(): void {
    made += 1
    const hasRight = random(2) === 0
    const sequences = random(3) === 0 ? 1 + random(64) : 1 + random(8)
    const key = { ...sampleKey, thirdParty: hasRight }
    const ask = { call: { ...body, key, sequences }, refusal: () => null }
    const ref = { name: `call ${made}`, sequences, hasRight, isFirst: false, joinedMs: null }
    const doom = doomOf(reference, ref)
    try {
      const booking = line.enter(ask)
      if (doom !== null) wrongs.push(`${ref.name} was let in: ${doom}`)
      const controller = new AbortController()
      const one: Live = { ...ref, booking, permit: null, controller, doom: null }
      live.set(one, one)
      if (random(20) > 0) return stand(one)
      booking.standAside()
      aside.push(one)
    } catch (cause) {
      seen.refused += 1
      const isFull = reference.waiting.length >= waitingMax && !startsAtOnce(reference, ref)
      expect(cause).toMatchObject({ kind: doom ?? (isFull ? 'overloaded' : 'nothing') })
    }
  }

  function stand(one: Live): void {
    one.doom = doomOf(reference, one)
    if (one.doom === null) joinLine(reference, one)
    const { signal } = one.controller
    one.booking.permit(signal, unhurried).then(
      (permit) => {
        const at = places.find(({ station }) => station === permit.station)
        if (at === undefined || one.doom !== null) return wrongs.push(`${one.name} got a permit`)
        const runs = running(reference, at.ref)
        if (runs === 0 && one.sequences > at.ref.capacity) seen.alone += 1
        const wrong = grant(reference, one, at.ref)
        if (wrong !== null) wrongs.push(`${one.name} ${wrong} (${at.ref.name})`)
        seen.granted += 1
        if (at.ref.isThirdParty) seen.thirdParty += 1
        one.permit = permit
        return leavesNothing(one)
      },
      (cause: { kind?: string }) => {
        if (cause.kind !== one.doom) wrongs.push(`${one.name}: ${cause.kind}, not ${one.doom}`)
        live.delete(one)
        return leavesNothing(one)
      },
    )
  }

  function leavesNothing({ controller, name }: Live): void {
    const listeners = getEventListeners(controller.signal, 'abort').length
    if (listeners > 0) wrongs.push(`${name} leaves a listener`)
  }

  async function leave(): Promise<void> {
    const one = liveOf(pick([...reference.held.keys()]))
    if (one === undefined) return
    const { permit } = one
    release(reference, one)
    permit?.release()
    permit?.ended(null, { keyId: 'key', callMs: 60_000 })
    one.permit = null
    // Whoever gets its place has it before the call comes again.
    await settled()
    if (random(8) > 0) return void live.delete(one)
    one.booking.comeAgain('fault', null)
    one.isFirst = true
    stand(one)
  }

  function abandon(one = liveOf(pick(reference.waiting))): void {
    if (one === undefined) return
    reference.waiting = reference.waiting.filter((other) => other !== one)
    one.doom = 'abandoned'
    one.controller.abort({ kind: 'abandoned' })
  }

  function asideReturns(): void {
    const one = aside.shift()
    if (one === undefined) return
    if (random(2) === 0) return stand(one)
    one.booking.leave()
    live.delete(one)
  }

  function resize(): void {
    const one = pick(places)
    if (one === undefined) return
    const { ref, station, upstream } = one
    ref.slots = 1 + random(96)
    ref.readiness = (['warm', 'warm', 'warm', 'cold', 'off'] as const)[random(5)] ?? 'warm'
    ref.capacity = ref.readiness === 'cold' ? 1 : random(5) === 0 ? random(3) : ref.slots
    station.deployment = { ...station.deployment, slots: ref.slots }
    upstream.setReadiness(
      ref.readiness === 'cold' ? { state: 'cold', etaMs: null } : { state: ref.readiness },
    )
    upstream.setCapacity(ref.capacity)
  }

  function pause(): void {
    const one = pick(places)
    if (one === undefined) return
    const ms = 1 + random(3_000) + 3 / 2_048 // no two things at one moment
    one.ref.pausedUntilMs = clock.ticksMs() + ms
    one.station.pause.begin(random(2) === 0 ? 'full' : 'cold', ms)
    one.station.onChange()
  }

  function fail(): void {
    const one = pick(places)
    if (one === undefined || one.ref.circuit !== 'closed') return
    openCircuit(reference, one.ref)
    const { circuit } = one.station
    for (let times = 0; times < 5; times += 1) circuit.ended('bad', 'key', circuit.began())
  }

  function follow(): void {
    for (const { ref } of places) ref.isListed = random(5) > 0
    reference.isThirdPartyAllowed = random(4) > 0
    const allowThirdParty = reference.isThirdPartyAllowed
    const listed = places.filter(({ ref }) => ref.isListed)
    line.follow(
      sampleModel({ routing, policy: { allowThirdParty } }),
      listed.map(({ station }) => station),
    )
  }

  /** Whoever can get nothing any more by what was just done hears so. */
  function lose(): void {
    for (const call of reference.waiting) {
      const one = live.get(call)
      const doom = doomOf(reference, call)
      if (one === undefined || doom === null) continue
      one.doom = doom
      seen.lost += 1
      reference.waiting = reference.waiting.filter((other) => other !== call)
    }
  }

  function check(): void {
    for (const call of reference.waiting) call.joinedMs ??= clock.ticksMs()
    const { length } = reference.waiting
    seen.waitingMost = Math.max(seen.waitingMost, length)
    const firsts = reference.waiting.filter(({ isFirst }) => isFirst).length
    // Calls that stood aside come back without being refused.
    if (length - firsts > waitingMax + 20) wrongs.push(`${length} wait`)
    const free = freePlace(reference)
    if (free !== null) wrongs.push(`there is a place at ${free}`)
    if (line.waiting !== length) wrongs.push(`${line.waiting} wait, not ${length}`)
    if (line.entered !== length) wrongs.push(`${line.entered} entered, not ${length}`)
    for (const { ref, station } of places) {
      const sum = running(reference, ref)
      if (station.running !== sum) wrongs.push(`${station.running} run, not ${sum}`)
    }
  }

  /** Sums of such fractions are exact. */
  async function step(isBusy: boolean): Promise<void> {
    const dice = random(1_000)
    if (dice < (isBusy ? 600 : 250)) arrive()
    else if (dice < 850) await leave()
    else if (dice < 870) abandon()
    else if (dice < 900) asideReturns()
    else if (dice < 940) resize()
    else if (dice < 955) pause()
    else if (dice < 960) fail()
    else if (dice < 966) follow()
    else await clock.advance(random(1_500) + random(1_024) / 1_024)
    lose()
    await settled()
    check()
  }

  async function end(): Promise<void> {
    while (reference.waiting.length > 0) {
      abandon(liveOf(reference.waiting[0]))
      await settled()
    }
    for (const one of aside) one.booking.leave()
    for (const call of [...reference.held.keys()]) live.get(call)?.permit?.release()
    await settled()
    for (const { station } of places) station.close()
    const left = places.map(({ station }) => station.running)
    expect({ left, waiting: line.waiting, entered: line.entered }).toEqual({
      left: [0, 0, 0],
      waiting: 0,
      entered: 0,
    })
    expect(clock.pending()).toBe(0)
  }

  for (const { station } of places) station.onChange = () => line.look()
  follow()
  return { step, end, wrongs, seen }
}

test.each<Given>([
  { seed: 1, steps: 10_000, waitingMax: 500, hasThirdParty: true, routing: 'order' },
  { seed: 2, steps: 4_000, waitingMax: 500, hasThirdParty: false, routing: 'least-busy' },
  { seed: 176, steps: 6_000, waitingMax: 20, hasThirdParty: true, routing: 'weighted' },
])('whatever happens, the line is just: seed $seed', { timeout: 20_000 }, async (given) => {
  const { step, end, wrongs, seen } = createRun(given)
  for (let at = 0; at < given.steps; at += 1) {
    await step(at % 2_000 < 1_400)
    expect(wrongs, `after step ${at}`).toEqual([])
  }
  const { waitingMost, thirdParty, alone, lost } = seen
  expect(waitingMost).toBeGreaterThan(given.waitingMax * 0.9)
  expect(thirdParty > 0).toBe(given.hasThirdParty)
  expect(Math.min(alone, lost)).toBeGreaterThan(0)
  await end()
})
