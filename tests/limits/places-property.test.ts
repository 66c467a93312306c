// Whatever comes, leaves, ends and is changed in whatever order: a key's calls hold no more places
// than it has, none overtakes another, and in the end nothing is left of them.
import { expect, test } from 'vitest'
import type { Call } from '#src/domain/index.ts'
import { createLimits, limitsOptions, type Reservation } from '#src/limits/index.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { type Random, seededRandom } from '../support/seeded-random.ts'

interface Guest {
  order: number
  sequences: number
  reservation: Reservation
  leaving: AbortController
  state: 'waits' | 'runs' | 'gone'
  /** What it took, once it runs. */
  places: number
  releases: (() => void)[]
}

const stepsMax = 2_000
const lineMax = 12
const waitMs = 400

function openScene(random: Random) {
  const clock = createFakeClock()
  let limit: number | null = 8
  const limits = createLimits(
    limitsOptions.parse({ concurrencyWaitingMax: lineMax, concurrencyWaitMs: waitMs }),
    { clock, latest: (key) => ({ ...key, concurrencyMax: limit }) },
  )
  /** Calls whose places are not all given back, and calls that wait, in order of arrival. */
  const guests: Guest[] = []
  let arrived = 0
  let lastStarted = 0
  let started = 0

  const capacity = () => limit ?? Number.POSITIVE_INFINITY
  const weightOf = ({ sequences }: { sequences: number }) => Math.min(sequences || 1, capacity())
  const held = () => guests.reduce((sum, one) => sum + (one.state === 'waits' ? 0 : one.places), 0)
  const line = () => guests.filter(({ state }) => state === 'waits')

  /** Its places were counted by the gateway at this very moment; the limit is what it is now. */
  function starts(guest: Guest): void {
    expect(guest.order).toBeGreaterThan(lastStarted)
    lastStarted = guest.order
    started += 1
    guest.places = weightOf(guest)
    guest.state = 'runs'
    expect(held()).toBeLessThanOrEqual(capacity())
  }

  async function arrive(): Promise<void> {
    const heavy = random(4) === 0 ? random(64) : 1 + random(4)
    const call: Partial<Call> = { sequences: random(2) === 0 ? 1 : heavy }
    const sequences = call.sequences ?? 1
    const isNext = line().length === 0 && held() + weightOf({ sequences }) <= capacity()
    const isFull = line().length >= lineMax
    const ask = { call: chatCall({}, call), bound: 0 }
    const leaving = new AbortController()
    const reservation = await limits.reserve(ask, leaving.signal).catch((fault) => {
      expect(fault).toMatchObject({ kind: 'rate_concurrency' })
      return null
    })
    expect(reservation === null).toBe(!isNext && isFull)
    if (reservation === null) return
    expect(reservation.turn === null).toBe(isNext)
    arrived += 1
    const rest = { state: 'waits', places: 0, releases: [] } as const
    const guest: Guest = { ...rest, releases: [], order: arrived, sequences, reservation, leaving }
    guests.push(guest)
    if (reservation.turn === null) return starts(guest)
    void reservation.turn(leaving.signal).then(
      () => starts(guest),
      () => {
        guest.state = 'gone'
      },
    )
  }

  function overFor(guest: Guest): void {
    guest.reservation[Symbol.dispose]()
    guest.state = 'gone'
    if (guest.releases.length === 0) forget(guest)
  }

  function forget(guest: Guest): void {
    guests.splice(guests.indexOf(guest), 1)
  }

  function release(guest: Guest): void {
    guest.releases.pop()?.()
    if (guest.state === 'gone' && guest.releases.length === 0) forget(guest)
  }

  function change(): void {
    limit = random(8) === 0 ? null : 1 + random(16)
    limits.keysChanged()
  }

  /** What happens to a guest depends on where it is; nothing is done twice. */
  function happensTo(guest: Guest): void {
    if (guest.state === 'waits') {
      if (random(3) > 0) return
      if (random(2) === 0) guest.leaving.abort({ kind: 'client_gone' })
      else overFor(guest)
    } else if (guest.state === 'gone') {
      if (guest.places === 0) overFor(guest)
      else release(guest)
    } else if (random(2) === 0 && guest.releases.length < 3) {
      guest.releases.push(guest.reservation.attempted())
    } else if (guest.releases.length > 0 && random(2) === 0) {
      release(guest)
    } else overFor(guest)
  }

  async function step(): Promise<void> {
    const guest = guests[random(Math.max(1, guests.length))]
    const what = random(20)
    if (what === 0) change()
    else if (what < 10 || guest === undefined) await arrive()
    else happensTo(guest)
    await clock.advance(what === 1 ? random(waitMs) : 0)
  }

  async function agrees(): Promise<void> {
    const { running, waiting } = await limits.look(sampleKey)
    const [first] = line()
    expect({ running, waiting }).toEqual({ running: held(), waiting: line().length })
    // Who could start has started.
    if (first !== undefined) expect(held() + weightOf(first)).toBeGreaterThan(capacity())
  }

  async function empty(): Promise<void> {
    while (guests.length > 0) {
      for (const guest of [...guests]) {
        if (guest.state !== 'gone' || guest.places === 0) overFor(guest)
        while (guest.releases.length > 0) release(guest)
      }
      await clock.advance(0)
    }
    // A reservation that is gone has no timer left after its bound.
    await clock.advance(waitMs)
    expect(clock.pending()).toBe(0)
  }
  return { step, agrees, empty, started: () => started }
}

test.each([1, 2, 3, 14, 1414])('seed %i: places are kept and given in order', async (seed) => {
  const { step, agrees, empty, started } = openScene(seededRandom(seed))
  for (let n = 0; n < stepsMax; n += 1) {
    await step()
    await agrees()
  }
  expect(started()).toBeGreaterThan(stepsMax / 20)
  await empty()
  await agrees()
})
