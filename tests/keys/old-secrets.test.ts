// What becomes of secrets that were replaced: each goes on until its own time is over, and no longer.
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import {
  createKey,
  type KeyTerms,
  keyRequestSchema,
  openKeyring,
  rotateKey,
  termsOf,
} from '#src/keys/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const hourMs = 3_600_000

/** A key, its first secret, and what the registry's file keeps of the old ones. */
async function given() {
  const options = temporaryStorage()
  const clock = createFakeClock()
  const registry = await openRegistry(options)
  const keyring = await openKeyring(registry, {
    bootstrapKeys: [],
    adminKey: null,
    clock,
    pollMs: 500,
  })
  const other = new Database(options.path, { readonly: true })
  onTestFinished(async () => {
    other.close()
    keyring[Symbol.dispose]()
    await registry.close()
  })
  const terms: KeyTerms = termsOf(keyRequestSchema.parse({ name: 'web' }), clock.nowMs())
  const { key, secret } = await createKey(registry, terms, 'cli')
  const rotate = async (overlapMs: number) => {
    const next = await rotateKey(registry, key.id, {
      overlapMs,
      nowMs: clock.nowMs(),
      actor: 'cli',
    })
    await keyring.refresh()
    return next
  }
  const kept = () => other.prepare('select count(*) from old_secrets').pluck().get()
  return { clock, secret, rotate, opens: (one: string) => keyring.verify(one) !== null, kept }
}

test('a longer overlap is for the secret that it replaces, not for those before it', async () => {
  const { clock, secret: first, rotate, opens } = await given()
  const { secret: second } = await rotate(hourMs)
  const { secret: third } = await rotate(50 * hourMs)
  await clock.advance(hourMs - 1)
  expect([first, second, third].map(opens)).toEqual([true, true, true])
  await clock.advance(1)
  expect([first, second, third].map(opens)).toEqual([false, true, true])
})

test('secrets whose time is over are not kept', async () => {
  const { clock, rotate, kept } = await given()
  await rotate(hourMs)
  expect(kept()).toBe(1)
  await clock.advance(hourMs - 1)
  await rotate(hourMs)
  expect(kept()).toBe(2)
  await clock.advance(1)
  await rotate(hourMs)
  expect(kept()).toBe(2)
})
