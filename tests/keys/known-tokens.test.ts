// Tokens are kept in mind, so that each is hashed once, but not all that ever came.
import { expect, onTestFinished, test } from 'vitest'
import { openKeyring } from '#src/keys/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { heldMemory } from '../support/held-memory.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

test('more keys than are kept in mind open all the same, and take no more memory', async () => {
  const registry = await openRegistry(temporaryStorage())
  onTestFinished(() => registry.close())
  using keyring = await openKeyring(registry, {
    bootstrapKeys: Array.from({ length: 40_000 }, (_, at) => tokenNumber(at)),
    adminKey: null,
    clock: createFakeClock(),
    pollMs: 500,
  })
  const before = heldMemory()
  for (let at = 0; at < 40_000; at += 1) {
    if (keyring.verify(tokenNumber(at)) === null)
      throw new Error(`${tokenNumber(at)} opens nothing`)
  }
  // Each with its hash is 200 bytes.
  expect(heldMemory() - before).toBeLessThan(2_000_000)
  expect(keyring.verify(tokenNumber(0))).not.toBeNull()
})

/** Made anew each time, as a header is. */
function tokenNumber(at: number): string {
  return Buffer.from(`any-token-of-mine-${at}`).toString()
}
