// When a key was last used, as the registry knows it.
import { expect, onTestFinished, test } from 'vitest'
import { createKey, keepLastUse, listKeys } from '#src/keys/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const { id: _id, ...terms } = sampleKey

async function given(changes = {}) {
  const options = temporaryStorage({ busyTimeoutMs: 0 })
  const registry = await openRegistry(options)
  const other = await openRegistry(options)
  onTestFinished(() => Promise.all([registry.close(), other.close()]).then(() => {}))
  const clock = createFakeClock()
  const lastUse = keepLastUse(registry, { clock, ...changes })
  const { key } = await createKey(registry, terms, 'cli')
  const stored = async () => (await listKeys(other)).map((one) => one.lastUsedAtMs)
  return { registry, other, clock, lastUse, key, stored }
}

test('is written at most once a minute, with the last moment', async () => {
  const { registry, clock, lastUse, key, stored } = await given()
  const before = registry.changeCounter()
  lastUse.note(key)
  await clock.advance(30_000)
  lastUse.note(key)
  const lastMs = clock.nowMs()
  await clock.advance(29_999)
  expect(registry.changeCounter()).toBe(before)
  expect(await stored()).toEqual([null])
  await clock.advance(1)
  await clock.advance(0)
  expect(await stored()).toEqual([lastMs])
})

test('nothing is written of keys that nobody used', async () => {
  const { registry, clock } = await given()
  const before = registry.changeCounter()
  await clock.advance(600_000)
  expect(registry.changeCounter()).toBe(before)
})

test('is written when the gateway stops', async () => {
  const { clock, lastUse, key, stored } = await given()
  lastUse.note(key)
  await lastUse[Symbol.asyncDispose]()
  expect(await stored()).toEqual([clock.nowMs()])
})

test('a busy registry is told, and tried again a minute later', async () => {
  const troubles: unknown[] = []
  const onTrouble = (cause: unknown) => troubles.push(cause)
  const { other, clock, lastUse, key, stored } = await given({ onTrouble })
  lastUse.note(key)
  const usedMs = clock.nowMs()
  await other.transaction(async () => {
    await clock.advance(60_000)
    await clock.advance(0)
  })
  expect(troubles).toHaveLength(1)
  await clock.advance(60_000)
  await clock.advance(0)
  expect(await stored()).toEqual([usedMs])
})

test('of several gateways the latest counts', async () => {
  const { other, clock, lastUse, key, stored } = await given()
  lastUse.note(key)
  const laterMs = clock.nowMs() + 5000
  await other.db.updateTable('api_keys').set({ last_used_at_ms: laterMs }).execute()
  await lastUse[Symbol.asyncDispose]()
  expect(await stored()).toEqual([laterMs])
})

test('keys of the environment have no row, and that is no trouble', async () => {
  const troubles: unknown[] = []
  const { lastUse, stored } = await given({ onTrouble: (cause: unknown) => troubles.push(cause) })
  lastUse.note(sampleKey)
  await lastUse[Symbol.asyncDispose]()
  expect(troubles).toEqual([])
  expect(await stored()).toEqual([null])
})
