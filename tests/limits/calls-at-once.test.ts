// Calls of a key at once: a place is taken with the reservation and given back when the call ends;
// who finds none waits for one in order of arrival, so many and so long as is allowed.
import { describe, expect, test } from 'vitest'
import type { ApiKey, Call, Fault } from '#src/domain/index.ts'
import { createLimits, type LimitsOptions, limitsOptions } from '#src/limits/index.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'

function given(options: Partial<LimitsOptions> = {}) {
  const clock = createFakeClock()
  let changes: Partial<ApiKey> = {}
  const limits = createLimits(limitsOptions.parse({ concurrencyMax: 1, ...options }), {
    clock,
    latest: (key) => ({ ...key, ...changes }),
  })
  const reserve = (key = {}, call: Partial<Call> = {}) =>
    limits.reserve(
      { call: chatCall({}, { key: { ...sampleKey, ...key }, ...call }), bound: 0 },
      new AbortController().signal,
    )
  /** A call that is written down when it has its place, and when it was refused one. */
  const happened: string[] = []
  const arrive = async (name: string, key = {}, signal = new AbortController().signal) => {
    const reservation = await reserve(key)
    if (reservation.turn === null) happened.push(name)
    const turn = reservation.turn?.(signal).then(
      () => void happened.push(name),
      (fault: Fault) => void happened.push(`${name}: ${fault.kind}`),
    )
    return { turn, leave: () => reservation[Symbol.dispose]() }
  }
  const look = () => limits.look({ ...sampleKey, concurrencyMax: null })
  const change = (next: Partial<ApiKey>) => {
    changes = next
    limits.keysChanged()
  }
  return { clock, reserve, arrive, happened, look, change }
}

const refused = { kind: 'rate_concurrency', started: 'no' }
const noLine = { concurrencyWaitingMax: 0 }

describe('without a line', () => {
  test('as many as the key may have, and the next when one has ended', async () => {
    const { reserve } = given(noLine)
    const first = await reserve({ concurrencyMax: 2 })
    await reserve({ concurrencyMax: 2 })
    await expect(reserve({ concurrencyMax: 2 })).rejects.toMatchObject(refused)
    first[Symbol.dispose]()
    expect((await reserve({ concurrencyMax: 2 })).turn).toBeNull()
    await expect(reserve({ concurrencyMax: 2 })).rejects.toMatchObject(refused)
  })

  test('a place that is given back twice is one place', async () => {
    const { reserve } = given(noLine)
    const first = await reserve()
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    await reserve()
    await expect(reserve()).rejects.toMatchObject(refused)
  })

  test('each key has its own; a key without a limit has the configured one', async () => {
    const { reserve } = given(noLine)
    await reserve({ id: 'a' })
    await reserve({ id: 'b' })
    await expect(reserve({ id: 'a' })).rejects.toMatchObject(refused)
    await reserve({ id: 'a', concurrencyMax: 2 })
  })

  test('without any limit there is none', async () => {
    const { reserve } = given({ ...noLine, concurrencyMax: null, requestsPerMinute: 1000 })
    const all = await Promise.all(Array.from({ length: 500 }, () => reserve()))
    expect(all.every(({ turn }) => turn === null)).toBe(true)
  })

  test('a place is kept until the call is over and each of its attempts is released', async () => {
    const { reserve, look } = given(noLine)
    const first = await reserve()
    const released = [first.attempted(), first.attempted()]
    first[Symbol.dispose]()
    for (const release of released) {
      expect((await look()).running).toBe(1)
      await expect(reserve()).rejects.toMatchObject(refused)
      release()
    }
    expect((await look()).running).toBe(0)
    const second = await reserve()
    second.attempted()()
    expect((await look()).running).toBe(1)
    second[Symbol.dispose]()
    expect((await look()).running).toBe(0)
  })

  test('a place that came in line is kept so long, too', async () => {
    const { arrive, reserve, look } = given()
    const one = await arrive('1')
    const two = await reserve()
    const turn = two.turn?.(new AbortController().signal)
    one.leave()
    await turn
    const release = two.attempted()
    two[Symbol.dispose]()
    expect(await look()).toMatchObject({ running: 1, waiting: 0 })
    release()
    expect(await look()).toMatchObject({ running: 0, waiting: 0 })
  })
})

describe('in line', () => {
  test('places come in order of arrival, one for each that is given back', async () => {
    const { arrive, happened, look, clock } = given()
    const [one, two, three] = [await arrive('1'), await arrive('2'), await arrive('3')]
    expect(await look()).toMatchObject({ running: 1, waiting: 2 })
    expect(happened).toEqual(['1'])
    one.leave()
    await two.turn
    expect(happened).toEqual(['1', '2'])
    expect(await look()).toMatchObject({ running: 1, waiting: 1 })
    two.leave()
    await three.turn
    expect(happened).toEqual(['1', '2', '3'])
    three.leave()
    expect(await look()).toMatchObject({ running: 0, waiting: 0 })
    expect(clock.pending()).toBe(0)
  })

  test('nobody overtakes: who comes when a place is free stands behind the line', async () => {
    const { arrive, happened, reserve } = given()
    const one = await arrive('1')
    const two = await arrive('2')
    one.leave()
    // The second has its place, even before it has been told.
    expect((await reserve()).turn).not.toBeNull()
    await two.turn
    expect(happened).toEqual(['1', '2'])
  })

  test('who leaves it gives up its place in it, and takes no other', async () => {
    const { arrive, happened, look, clock } = given()
    const one = await arrive('1')
    const leaving = new AbortController()
    const two = await arrive('2', {}, leaving.signal)
    const three = await arrive('3')
    leaving.abort({ kind: 'client_gone' })
    await two.turn
    two.leave()
    expect(await look()).toMatchObject({ running: 1, waiting: 1 })
    one.leave()
    await three.turn
    expect(happened).toEqual(['1', '2: client_gone', '3'])
    three.leave()
    two.leave()
    expect(await look()).toMatchObject({ running: 0, waiting: 0 })
    expect(clock.pending()).toBe(0)
  })

  test('who left before it was asked for is told so at once', async () => {
    const { arrive, happened } = given()
    await arrive('1')
    const two = await arrive('2', {}, AbortSignal.abort({ kind: 'client_gone' }))
    await two.turn
    expect(happened).toEqual(['1', '2: client_gone'])
  })

  test('who leaves with its place just given hands it on', async () => {
    const { arrive, happened } = given()
    const [one, two, three] = [await arrive('1'), await arrive('2'), await arrive('3')]
    one.leave()
    two.leave()
    await three.turn
    expect(happened).toContain('3')
  })

  test('a wait ends at its bound, to the millisecond', async () => {
    const { arrive, happened, clock, look } = given({ concurrencyWaitMs: 500 })
    const one = await arrive('1')
    const two = await arrive('2')
    await clock.advance(499)
    expect(happened).toEqual(['1'])
    await clock.advance(1)
    expect(happened).toEqual(['1', '2: rate_concurrency'])
    two.leave()
    one.leave()
    expect(await look()).toMatchObject({ running: 0, waiting: 0 })
  })

  test('a line that is full takes nobody', async () => {
    const { reserve } = given({ concurrencyWaitingMax: 2 })
    for (let n = 0; n < 3; n += 1) await reserve()
    for (let n = 0; n < 3; n += 1) await expect(reserve()).rejects.toMatchObject(refused)
    await reserve({ concurrencyMax: 4 })
  })

  test('a limit that is raised lets in those that wait, without another call', async () => {
    const { arrive, happened, change, look } = given()
    const one = await arrive('1')
    const [two, three] = [await arrive('2'), await arrive('3')]
    change({ concurrencyMax: 2 })
    await two.turn
    expect(happened).toEqual(['1', '2'])
    change({ concurrencyMax: 1 })
    one.leave()
    expect(await look()).toMatchObject({ running: 1, waiting: 1 })
    two.leave()
    await three.turn
    expect(happened).toEqual(['1', '2', '3'])
  })

  test('a limit that is lowered holds for a call whose body was still coming, and for the line', async () => {
    const { arrive, change, look, happened, reserve } = given({ concurrencyWaitingMax: 1 })
    const ran = []
    for (const name of ['1', '2', '3']) ran.push(await arrive(name, { concurrencyMax: 3 }))
    change({ concurrencyMax: 1 })
    const four = await arrive('4', { concurrencyMax: 3 })
    await expect(reserve({ concurrencyMax: 3 })).rejects.toMatchObject(refused)
    expect(await look()).toMatchObject({ running: 3, waiting: 1 })
    for (const one of ran.splice(0, 2)) one.leave()
    expect(await look()).toMatchObject({ running: 1, waiting: 1 })
    for (const one of ran) one.leave()
    await four.turn
    expect(happened).toEqual(['1', '2', '3', '4'])
  })

  test('a key whose limit was raised has the new one for those that wait already', async () => {
    const { arrive, happened } = given()
    await arrive('1', { concurrencyMax: 1 })
    const two = await arrive('2', { concurrencyMax: 1 })
    await arrive('3', { concurrencyMax: 3 })
    await two.turn
    expect(happened.toSorted()).toEqual(['1', '2', '3'])
  })
})

describe('a call’s own patience', () => {
  test('of nothing is refused at once, and takes a free place like any other', async () => {
    const { reserve } = given()
    const first = await reserve({}, { waitMaxMs: 0 })
    await expect(reserve({}, { waitMaxMs: 0 })).rejects.toMatchObject(refused)
    first[Symbol.dispose]()
    expect((await reserve({}, { waitMaxMs: 0 })).turn).toBeNull()
  })

  test.each([
    [200, 200],
    [9_000, 500],
  ])('of %i ms waits %i ms where 500 are allowed', async (waitMaxMs, waitedMs) => {
    const { reserve, clock } = given({ concurrencyWaitMs: 500 })
    await reserve()
    const waiting = await reserve({}, { waitMaxMs })
    let endedMs = 0
    const turn = waiting.turn?.(new AbortController().signal).catch((fault: Fault) => {
      endedMs = clock.ticksMs()
      expect(fault.message).toContain(`in ${waitedMs} ms`)
    })
    await clock.advance(10_000)
    await turn
    expect(endedMs).toBe(waitedMs)
  })
})

describe('when to come again', () => {
  /** Two calls of 300 ms have been, and one runs. */
  async function busy(options: Partial<LimitsOptions> = {}) {
    const scene = given(options)
    const running = await scene.reserve()
    const waiting = await scene.arrive('next')
    await scene.clock.advance(300)
    running[Symbol.dispose]()
    await waiting.turn
    return scene
  }

  test('is not said while no call has ended', async () => {
    const { reserve } = given(noLine)
    await reserve()
    await expect(reserve()).rejects.toMatchObject({ ...refused, retryAfterMs: null })
  })

  test('is forgotten with the last of the key’s calls', async () => {
    const { reserve, clock } = given(noLine)
    const first = await reserve()
    await clock.advance(300)
    first[Symbol.dispose]()
    await reserve()
    await expect(reserve()).rejects.toMatchObject({ ...refused, retryAfterMs: null })
  })

  test('is when a place should come free, by how long the key’s calls took', async () => {
    const { reserve } = await busy()
    const refusal = reserve({}, { waitMaxMs: 0 })
    await expect(refusal).rejects.toMatchObject({ ...refused, retryAfterMs: 300 })
  })

  test('counts those that stand in line', async () => {
    const { arrive, reserve } = await busy({ concurrencyWaitingMax: 2 })
    for (const name of ['a', 'b']) await arrive(name)
    await expect(reserve()).rejects.toMatchObject({ ...refused, retryAfterMs: 900 })
  })

  test('is sooner where there are more places', async () => {
    const { reserve } = await busy()
    await reserve({ concurrencyMax: 3 })
    await reserve({ concurrencyMax: 3 })
    const refusal = reserve({ concurrencyMax: 3 }, { waitMaxMs: 0 })
    await expect(refusal).rejects.toMatchObject({ ...refused, retryAfterMs: 100 })
  })
})
