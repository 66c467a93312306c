// The form of a secret: a prefix, random characters, and a checksum that notices any single
// mistyped, lost or doubled character.
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { createKey, isPodgateKey } from '#src/keys/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const request = {
  name: 'website',
  teamId: null,
  models: null,
  scopes: ['chat' as const],
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrencyMax: null,
  thirdParty: false,
  createdAtMs: 1,
  expiresAtMs: null,
}

async function newSecrets(count: number): Promise<string[]> {
  const registry = await openRegistry(temporaryStorage())
  onTestFinished(() => registry.close())
  const secrets: string[] = []
  while (secrets.length < count) secrets.push((await createKey(registry, request, 'cli')).secret)
  return secrets
}

test('a key has a prefix that scanners find, 190 random bits and a checksum', async () => {
  const secrets = await newSecrets(50)
  for (const secret of secrets) {
    expect(secret).toMatch(/^pk-podgate-[0-9A-Za-z]{32}-[0-9A-Za-z]{6}$/)
    expect(isPodgateKey(secret)).toBe(true)
  }
  expect(new Set(secrets).size).toBe(50)
})

test('any one character mistyped, lost or doubled is seen', async () => {
  const [secret = ''] = await newSecrets(1)
  const alphabet = [...'0aA9zZ-_ ']
  fc.assert(
    fc.property(fc.nat(secret.length - 1), fc.constantFrom(...alphabet), (at, character) => {
      const mistyped = secret.slice(0, at) + character + secret.slice(at + 1)
      expect(isPodgateKey(mistyped)).toBe(mistyped === secret)
      expect(isPodgateKey(secret.slice(0, at) + secret.slice(at + 1))).toBe(false)
      expect(isPodgateKey(secret.slice(0, at) + secret.charAt(at) + secret.slice(at))).toBe(false)
    }),
  )
})

test.each(['', 'sk-proj-abc', 'pk-podgate-', 'pk-podgate-\n', 'x'.repeat(100_000)])(
  'a token that is none of ours is not taken for one',
  (token) => {
    expect(isPodgateKey(token)).toBe(false)
  },
)
