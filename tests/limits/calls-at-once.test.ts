// Calls of a key at once: a place is taken with the reservation and given back when the call ends.
import { expect, test } from 'vitest'
import { createLimits } from '#src/limits/index.ts'
import { chatCall, sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'

function given(concurrencyMax: number | null = null, requestsPerMinute = 100) {
  const limits = createLimits({ requestsPerMinute, concurrencyMax }, createFakeClock())
  return (changes = {}) => limits.reserve(chatCall({}, { key: { ...sampleKey, ...changes } }))
}

const refused = { kind: 'rate_concurrency', started: 'no' }

test('as many as the key may have, and the next when one has ended', async () => {
  const reserve = given()
  const first = await reserve({ concurrencyMax: 2 })
  await reserve({ concurrencyMax: 2 })
  await expect(reserve({ concurrencyMax: 2 })).rejects.toMatchObject(refused)
  first[Symbol.dispose]()
  await reserve({ concurrencyMax: 2 })
  await expect(reserve({ concurrencyMax: 2 })).rejects.toMatchObject(refused)
})

test('a place that is given back twice is one place', async () => {
  const reserve = given(1)
  const first = await reserve()
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  await reserve()
  await expect(reserve()).rejects.toMatchObject(refused)
})

test('each key has its own; a key without a limit has the configured one', async () => {
  const reserve = given(1)
  await reserve({ id: 'a' })
  await reserve({ id: 'b' })
  await expect(reserve({ id: 'a' })).rejects.toMatchObject(refused)
  await reserve({ id: 'a', concurrencyMax: 2 })
})

test('without any limit there is none', async () => {
  const reserve = given(null, 1000)
  await Promise.all(Array.from({ length: 500 }, () => reserve()))
})

test('what is refused for concurrency costs no request, and the reverse', async () => {
  const reserve = given(1, 2)
  const first = await reserve()
  for (let n = 0; n < 5; n += 1) await expect(reserve()).rejects.toMatchObject(refused)
  first[Symbol.dispose]()
  const second = await reserve()
  expect(second.rate.remaining).toBe(0)
  second[Symbol.dispose]()
  await expect(reserve()).rejects.toMatchObject({ kind: 'rate_requests' })
  await expect(reserve()).rejects.toMatchObject({ kind: 'rate_requests' })
})
