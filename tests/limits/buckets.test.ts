// Requests per minute of a key, on a clock that stands still.
import { describe, expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { createBuckets } from '#src/limits/buckets.ts'
import { createLimits, limitsOptions } from '#src/limits/index.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'

function createRate(keysMax = 1000) {
  const clock = createFakeClock()
  const buckets = createBuckets(clock, keysMax)
  const rate = {
    take: (keyId: string, perMinute: number, amount = 1) =>
      buckets.take({ keyId, perMinute }, amount),
    giveBack: (keyId: string, perMinute: number, amount = 1) =>
      buckets.giveBack({ keyId, perMinute }, amount),
    look: (keyId: string, perMinute: number) => buckets.look({ keyId, perMinute }),
  }
  return { clock, rate }
}

describe('a key’s requests per minute', () => {
  test('may come all at once, and no more of them', () => {
    const { rate } = createRate()
    const taken = Array.from({ length: 4 }, () => rate.take('a', 3))
    expect(taken.map(({ isTaken }) => isTaken)).toEqual([true, true, true, false])
    expect(taken.map(({ rate: { remaining } }) => remaining)).toEqual([2, 1, 0, 0])
    expect(taken.map(({ rate: { resetMs } }) => resetMs)).toEqual([20_000, 40_000, 60_000, 60_000])
    expect(taken.map(({ rate: { retryAfterMs } }) => retryAfterMs)).toEqual([0, 0, 20_000, 20_000])
  })

  test('come back evenly, at exactly the moment that was told', async () => {
    const { clock, rate } = createRate()
    for (let n = 0; n < 3; n += 1) rate.take('a', 3)
    const { retryAfterMs } = rate.take('a', 3).rate
    await clock.advance(retryAfterMs - 1)
    expect(rate.take('a', 3)).toMatchObject({ isTaken: false, rate: { retryAfterMs: 1 } })
    await clock.advance(1)
    expect(rate.take('a', 3).isTaken).toBe(true)
    expect(rate.take('a', 3).isTaken).toBe(false)
  })

  test('are refused at no cost: asking too often does not push the moment away', async () => {
    const { clock, rate } = createRate()
    for (let n = 0; n < 100; n += 1) rate.take('a', 3)
    await clock.advance(20_000)
    expect(rate.take('a', 3).isTaken).toBe(true)
  })

  test('are whole again after a minute, and never more than whole', async () => {
    const { clock, rate } = createRate()
    for (let n = 0; n < 3; n += 1) rate.take('a', 3)
    await clock.advance(3_600_000)
    const taken = Array.from({ length: 4 }, () => rate.take('a', 3).isTaken)
    expect(taken).toEqual([true, true, true, false])
  })

  test('are each key’s own', () => {
    const { rate } = createRate()
    expect(rate.take('a', 1).isTaken).toBe(true)
    expect(rate.take('a', 1).isTaken).toBe(false)
    expect(rate.take('b', 1).isTaken).toBe(true)
  })

  test.each([1, 7, 60, 100, 1_000_003])('of %i are exactly as many within one moment', (most) => {
    const { rate } = createRate()
    let taken = 0
    const asked = Math.min(most + 5, 20_000)
    for (let n = 0; n < asked; n += 1) if (rate.take('a', most).isTaken) taken += 1
    expect(taken).toBe(Math.min(most, asked))
  })

  test('over many minutes are never more than the limit and one bucket', async () => {
    const { clock, rate } = createRate()
    let taken = 0
    for (let second = 0; second < 300; second += 1) {
      for (let n = 0; n < 3; n += 1) if (rate.take('a', 30).isTaken) taken += 1
      await clock.advance(1000)
    }
    expect(taken).toBeGreaterThanOrEqual(30 * 5)
    expect(taken).toBeLessThanOrEqual(30 * 5 + 30)
  })

  test('are forgotten once whole, but never while something is owed', async () => {
    const { clock, rate } = createRate(2)
    rate.take('a', 1)
    rate.take('b', 1)
    rate.take('c', 1)
    expect(rate.take('a', 1).isTaken).toBe(false)
    await clock.advance(60_000)
    rate.take('d', 1)
    expect(rate.take('a', 1).isTaken).toBe(true)
  })
})

describe('a key’s request', () => {
  const { signal } = new AbortController()
  const limits = () =>
    createLimits(limitsOptions.parse({ requestsPerMinute: 2 }), {
      clock: createFakeClock(),
      latest: (key) => key,
    })

  test('says what is left, as does whatever is reserved behind it', async () => {
    const one = limits()
    const left = {
      requests: { limit: 2, remaining: 1, resetMs: 30_000, retryAfterMs: 0 },
      tokens: null,
    }
    expect(await one.takeRequest(sampleKey)).toEqual(left)
    expect((await one.reserve({ call: chatCall({}), bound: 0 }, signal)).rates).toEqual(left)
    expect((await one.look(sampleKey)).rates).toEqual(left)
  })

  test('is refused with the moment at which it would pass', async () => {
    const one = limits()
    await one.takeRequest(sampleKey)
    await one.takeRequest(sampleKey)
    const refused = await one.takeRequest(sampleKey).catch((cause: unknown) => cause)
    expect(refused).toBeInstanceOf(Fault)
    expect(refused).toMatchObject({ kind: 'rate_requests', retryAfterMs: 30_000, started: 'no' })
  })

  test('goes by the key’s own limit where it has one', async () => {
    const one = limits()
    const key = { ...sampleKey, requestsPerMinute: 1 }
    expect(await one.takeRequest(key)).toMatchObject({ requests: { limit: 1, remaining: 0 } })
    await expect(one.takeRequest(key)).rejects.toMatchObject({ kind: 'rate_requests' })
  })

  test('is given back ten times as often as the key may ask, so that bodies are not free for ever', async () => {
    const one = limits()
    for (let n = 0; n < 22; n += 1) {
      await one.takeRequest(sampleKey)
      await one.giveBackRequest(sampleKey)
    }
    await expect(one.takeRequest(sampleKey)).rejects.toMatchObject({ kind: 'rate_requests' })
  })

  test('that is given back is there again, and no more than that', async () => {
    const one = limits()
    await one.giveBackRequest(sampleKey)
    await one.takeRequest(sampleKey)
    await one.takeRequest(sampleKey)
    await one.giveBackRequest(sampleKey)
    expect(await one.takeRequest(sampleKey)).toMatchObject({ requests: { remaining: 0 } })
    await expect(one.takeRequest(sampleKey)).rejects.toMatchObject({ kind: 'rate_requests' })
  })
})
