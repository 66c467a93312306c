// A call takes as many of its key's places as it has sequences, but never more than there are. It
// is never refused for that alone, and waits in order of arrival like any other.
import { describe, expect, test } from 'vitest'
import type { ApiKey, Call, Fault } from '#src/domain/index.ts'
import { createLimits, type LimitsOptions, limitsOptions } from '#src/limits/index.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'

function given(concurrencyMax: number | null, options: Partial<LimitsOptions> = {}) {
  const clock = createFakeClock()
  let changes: Partial<ApiKey> = { concurrencyMax }
  const limits = createLimits(limitsOptions.parse({ requestsPerMinute: 1000, ...options }), {
    clock,
    latest: (key) => ({ ...key, ...changes }),
  })
  const reserve = (sequences: number, call: Partial<Call> = {}) =>
    limits.reserve(
      { call: chatCall({}, { sequences, ...call }), bound: 0 },
      new AbortController().signal,
    )
  /** A call's name is written down when it has its places, or why it was refused them. */
  const happened: string[] = []
  const arrive = async (name: string, sequences: number, leaving = new AbortController()) => {
    const reservation = await reserve(sequences)
    if (reservation.turn === null) happened.push(name)
    const turn = reservation.turn?.(leaving.signal).then(
      () => void happened.push(name),
      (fault: Fault) => void happened.push(`${name}: ${fault.kind}`),
    )
    return { turn, reservation, leave: () => reservation[Symbol.dispose]() }
  }
  const look = async () => {
    const { running, waiting } = await limits.look(sampleKey)
    return { running, waiting }
  }
  const change = (next: number | null) => {
    changes = { concurrencyMax: next }
    limits.keysChanged()
  }
  return { clock, reserve, arrive, happened, look, change }
}

const refused = { kind: 'rate_concurrency', started: 'no' }

describe('a call takes', () => {
  test.each([
    ['one place for each of its sequences', 4, 3, 3],
    ['no more than its key has', 4, 2_048, 4],
    ['one where it has none', 4, 0, 1],
    ['one where nobody said how many it has', 4, Number.NaN, 1],
    ['what it has where the key has no limit', null, 2_048, 2_048],
  ])('%s', async (_what, concurrencyMax, sequences, taken) => {
    const { arrive, look } = given(concurrencyMax)
    const one = await arrive('1', sequences)
    expect(await look()).toEqual({ running: taken, waiting: 0 })
    one.leave()
    expect(await look()).toEqual({ running: 0, waiting: 0 })
  })

  test('them until it is over and each of its attempts is released', async () => {
    const { arrive, happened, look } = given(4)
    const one = await arrive('1', 3)
    const released = [one.reservation.attempted(), one.reservation.attempted()]
    const two = await arrive('2', 2)
    one.leave()
    for (const release of released) {
      expect(await look()).toEqual({ running: 3, waiting: 1 })
      release()
    }
    await two.turn
    expect(happened).toEqual(['1', '2'])
    expect(await look()).toEqual({ running: 2, waiting: 0 })
  })

  test('them once, and gives them back once', async () => {
    const { arrive, look } = given(8)
    await arrive('1', 2)
    const two = await arrive('2', 3)
    two.leave()
    two.leave()
    expect(await look()).toEqual({ running: 2, waiting: 0 })
  })
})

describe('in line', () => {
  test('a heavy call waits for all of its places, and those behind it for their turn', async () => {
    const { arrive, happened, look } = given(4)
    const [one, two] = [await arrive('1', 2), await arrive('2', 2)]
    const heavy = await arrive('heavy', 100)
    const light = await arrive('light', 1)
    two.leave()
    // Two places are free. They stay free for the heavy call.
    expect(await look()).toEqual({ running: 2, waiting: 2 })
    const late = await arrive('late', 1)
    expect(await look()).toEqual({ running: 2, waiting: 3 })
    one.leave()
    await heavy.turn
    expect(await look()).toEqual({ running: 4, waiting: 2 })
    heavy.leave()
    await Promise.all([light.turn, late.turn])
    expect(happened).toEqual(['1', '2', 'heavy', 'light', 'late'])
    for (const last of [light, late]) last.leave()
    expect(await look()).toEqual({ running: 0, waiting: 0 })
  })

  test('one heavy call that ends lets in as many as fit', async () => {
    const { arrive, happened, look } = given(4)
    const heavy = await arrive('heavy', 4)
    const behind = [await arrive('a', 1), await arrive('b', 2), await arrive('c', 2)]
    heavy.leave()
    await Promise.all(behind.slice(0, 2).map(({ turn }) => turn))
    expect(happened).toEqual(['heavy', 'a', 'b'])
    expect(await look()).toEqual({ running: 3, waiting: 1 })
  })

  test('a heavy call that leaves lets in those that it kept waiting', async () => {
    const { arrive, happened, clock } = given(4)
    await arrive('1', 2)
    const heavy = await arrive('heavy', 4)
    const light = await arrive('light', 2)
    heavy.leave()
    await light.turn
    expect(happened).toEqual(['1', 'light'])
    await clock.advance(30_000)
    heavy.leave()
    await arrive('next', 1).then(({ leave }) => leave())
    expect(happened).toEqual(['1', 'light', 'heavy: rate_concurrency'])
  })

  test('a call whose client left keeps nobody waiting while its record is written', async () => {
    const { arrive, happened, look } = given(4)
    await arrive('1', 2)
    const leaving = new AbortController()
    const heavy = await arrive('heavy', 4, leaving)
    const light = await arrive('light', 2)
    leaving.abort({ kind: 'client_gone' })
    await light.turn
    expect(happened.toSorted()).toEqual(['1', 'heavy: client_gone', 'light'])
    expect(await look()).toEqual({ running: 4, waiting: 0 })
    heavy.leave()
    expect(await look()).toEqual({ running: 4, waiting: 0 })
  })

  test('a call that waited in vain keeps nobody waiting, and disturbs no later call', async () => {
    const { arrive, happened, clock, look } = given(4, { concurrencyWaitMs: 500 })
    const one = await arrive('1', 2)
    const heavy = await arrive('heavy', 4)
    await clock.advance(499)
    const light = await arrive('light', 2)
    await clock.advance(1)
    await light.turn
    expect(happened.toSorted()).toEqual(['1', 'heavy: rate_concurrency', 'light'])
    for (const over of [one, light]) over.leave()
    await arrive('2', 3)
    // The call that waited in vain ends after all calls of its time did.
    heavy.leave()
    expect(await look()).toEqual({ running: 3, waiting: 0 })
    expect(clock.pending()).toBe(0)
  })

  test('a client that will not wait is refused a place that is kept for the line', async () => {
    const { arrive, reserve } = given(4)
    await arrive('1', 2)
    await expect(reserve(3, { waitMaxMs: 0 })).rejects.toMatchObject(refused)
    await arrive('heavy', 4)
    await expect(reserve(1, { waitMaxMs: 0 })).rejects.toMatchObject(refused)
  })
})

describe('a limit that is changed', () => {
  test('gives back what was taken under another one', async () => {
    const { arrive, change, look } = given(8)
    const [one, two] = [await arrive('1', 6), await arrive('2', 2)]
    change(2)
    expect(await look()).toEqual({ running: 8, waiting: 0 })
    one.leave()
    expect(await look()).toEqual({ running: 2, waiting: 0 })
    change(null)
    const three = await arrive('3', 100)
    change(1)
    for (const over of [two, three]) over.leave()
    expect(await look()).toEqual({ running: 0, waiting: 0 })
  })

  test.each([
    ['lowered', 3, 3],
    ['raised', 6, 6],
    ['taken away', null, 100],
  ])('that is %s weighs those in line anew', async (_how, limit, taken) => {
    const { arrive, change, look } = given(4)
    const one = await arrive('1', 4)
    const heavy = await arrive('heavy', 100)
    change(limit)
    one.leave()
    await heavy.turn
    expect(await look()).toEqual({ running: taken, waiting: 0 })
    heavy.leave()
    expect(await look()).toEqual({ running: 0, waiting: 0 })
  })

  test('that is raised lets in the first as soon as it fits, and then the next', async () => {
    const { arrive, change, happened, look } = given(4)
    await arrive('1', 4)
    const [two, three] = [await arrive('2', 3), await arrive('3', 1)]
    change(6)
    expect(await look()).toEqual({ running: 4, waiting: 2 })
    change(8)
    await Promise.all([two.turn, three.turn])
    expect(happened).toEqual(['1', '2', '3'])
    expect(await look()).toEqual({ running: 8, waiting: 0 })
  })

  test('that is lowered lets nobody in until enough of the running calls ended', async () => {
    const { arrive, change, look, happened } = given(4)
    const ran = [await arrive('1', 2), await arrive('2', 2)]
    const heavy = await arrive('heavy', 4)
    change(1)
    ran.pop()?.leave()
    expect(await look()).toEqual({ running: 2, waiting: 1 })
    ran.pop()?.leave()
    await heavy.turn
    expect(happened).toEqual(['1', '2', 'heavy'])
    expect(await look()).toEqual({ running: 1, waiting: 0 })
  })
})

describe('a refusal', () => {
  /** A call of 300 ms has been; two others have all four places. */
  async function busy(options: Partial<LimitsOptions> = {}) {
    const scene = given(4, options)
    const one = await scene.arrive('1', 1)
    await scene.arrive('2', 3)
    await scene.clock.advance(300)
    one.leave()
    await scene.arrive('3', 1)
    return scene
  }

  test.each([
    ['of a call of one', 1, [], 75],
    ['of a heavy call', 100, [], 300],
    ['behind a light call', 2, [1], 225],
    ['behind heavy ones', 2, [100, 3], 675],
  ])('%s says when it should fit, by the places that are wanted before', async (...row) => {
    const [, sequences, ahead, retryAfterMs] = row
    const { arrive, reserve } = await busy()
    for (const [at, waiting] of ahead.entries()) await arrive(`ahead ${at}`, waiting)
    const refusal = reserve(sequences, { waitMaxMs: 0 })
    await expect(refusal).rejects.toMatchObject({ ...refused, retryAfterMs })
  })

  test.each([
    [1, {}, { waitMaxMs: 0 }, 'reached: 4 calls at once. Try'],
    [3, {}, { waitMaxMs: 0 }, 'reached: 4 calls at once, and this one counts as 3. Try'],
    [9, { concurrencyWaitingMax: 0 }, {}, 'and this one counts as 4, and 0 that wait. Try'],
  ])('of %i sequences says what they count as', async (sequences, options, call, message) => {
    const { reserve } = await busy(options)
    await expect(reserve(sequences, call)).rejects.toMatchObject({
      message: expect.stringContaining(message),
    })
  })

  test('of a call that waited in vain tells the limit as it is by then', async () => {
    const { reserve, change, clock } = await busy({ concurrencyWaitMs: 500 })
    const waiting = await reserve(3)
    const turn = waiting.turn?.(new AbortController().signal)
    const refusal = expect(turn).rejects.toMatchObject({
      message: expect.stringContaining('2 calls at once, and this one counts as 2, and its turn'),
      retryAfterMs: 300,
    })
    change(2)
    await clock.advance(500)
    await refusal
  })
})
