// Which tokens open the gateway, and until when. A second connection changes keys as a command
// would, and the keyring must see the change at its next poll.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  createKey,
  type Keyring,
  type KeyTerms,
  listKeys,
  openKeyring,
  revokeKey,
  rotateKey,
} from '#src/keys/index.ts'
import { openRegistry, type Registry, type StorageOptions } from '#src/storage/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

interface Given {
  options: StorageOptions
  clock: FakeClock
  /** The gateway's connection … */
  registry: Registry
  keyring: Keyring
  /** … and that of a command in another process. */
  command: Registry
}

const bootstrapToken = 'any-token-of-mine'
const adminToken = 'the-admin-of-the-house'

async function given(bootstrapKeys = [bootstrapToken], adminKey = adminToken): Promise<Given> {
  const options = temporaryStorage()
  const clock = createFakeClock()
  const registry = await openRegistry(options)
  const command = await openRegistry(options)
  const keyring = await openKeyring(registry, { bootstrapKeys, adminKey, clock, pollMs: 500 })
  onTestFinished(async () => {
    keyring[Symbol.dispose]()
    await Promise.all([registry.close(), command.close()])
  })
  return { options, clock, registry, keyring, command }
}

const request: KeyTerms = {
  name: 'website',
  teamId: 'web',
  scopes: ['chat'],
  models: ['phi-2'],
  requestsPerMinute: 7,
  tokensPerMinute: null,
  concurrencyMax: 3,
  thirdParty: true,
  createdAtMs: 1_700_000_000_000,
  expiresAtMs: null,
}

const at = (nowMs: number) => ({ nowMs, actor: 'cli' as const })

test('a key made by a command opens within one poll, with all that was said about it', async () => {
  const { clock, keyring, command } = await given()
  const { key, secret } = await createKey(command, request, 'cli')
  expect(keyring.verify(secret)).toBeNull()
  await clock.advance(500)
  expect(keyring.verify(secret)).toEqual({ ...request, id: key.id })
  expect(key.id).toMatch(/^key_[0-9a-f]{16}$/)
})

test('a revoked key opens nothing after one poll, and keeps its row', async () => {
  const { clock, keyring, command } = await given()
  const { key, secret } = await createKey(command, request, 'cli')
  await clock.advance(500)
  expect(await revokeKey(command, key.id, at(1_700_000_001_000))).toMatchObject({ id: key.id })
  await clock.advance(500)
  expect(keyring.verify(secret)).toBeNull()
  expect(await listKeys(command)).toEqual([{ ...key, revokedAtMs: 1_700_000_001_000 }])
})

test('revoking twice keeps the first moment; revoking nothing is told', async () => {
  const { command } = await given()
  const { key } = await createKey(command, request, 'cli')
  await revokeKey(command, key.id, at(5))
  expect(await revokeKey(command, key.id, at(9))).toMatchObject({ revokedAtMs: 5 })
  await expect(revokeKey(command, 'key_nobody', at(9))).rejects.toMatchObject({ kind: 'not_found' })
})

test('a key opens until the millisecond in which it expires', async () => {
  const { clock, keyring, command } = await given()
  const expiresAtMs = clock.nowMs() + 10_000
  const { secret } = await createKey(command, { ...request, expiresAtMs }, 'cli')
  await keyring.refresh()
  await clock.advance(9999)
  expect(keyring.verify(secret)).not.toBeNull()
  await clock.advance(1)
  expect(keyring.verify(secret)).toBeNull()
})

test('keys of the environment are taken as given, and only the admin’s may administer', async () => {
  const { keyring, command } = await given()
  const bootstrap = keyring.verify(bootstrapToken)
  expect(bootstrap).toMatchObject({
    name: 'bootstrap 1',
    models: null,
    scopes: ['chat', 'embeddings'],
  })
  expect(bootstrap?.id).toMatch(/^key_[0-9a-f]{12}$/)
  expect(keyring.verify(adminToken)).toMatchObject({
    name: 'admin',
    scopes: ['chat', 'embeddings', 'admin-read', 'admin'],
  })
  const { key } = await createKey(command, request, 'cli')
  await keyring.refresh()
  const ids = [bootstrap?.id ?? '', keyring.verify(adminToken)?.id ?? '', key.id, 'key_nobody']
  expect(ids.map(keyring.isGiven)).toEqual([true, true, false, false])
})

test('a key of the environment has the same id after a restart', async () => {
  const ids = [await given(), await given()].map(
    ({ keyring }) => keyring.verify(bootstrapToken)?.id,
  )
  expect(ids[0]).toBe(ids[1])
})

test('a key of the environment may look like a mistyped one of ours', async () => {
  const odd = 'pk-podgate-looks-like-ours'
  const { keyring } = await given([odd])
  expect(keyring.verify(odd)).not.toBeNull()
})

test('a key of the environment that is too short is refused, and not repeated', async () => {
  const opening = given(['short-secret'])
  await expect(opening).rejects.toThrow('has 12 characters; at least 16')
  await expect(opening).rejects.not.toThrow(/short-secret/)
})

test.each([
  ['an unknown token', 'sk-this-is-nobody-at-all'],
  ['no token', ''],
  ['a mistyped key', `pk-podgate-${'a'.repeat(32)}-000000`],
  ['a very long token', 'x'.repeat(1_000_000)],
  ['a token with SQL in it', `' or 1=1; drop table api_keys; --`],
])('%s opens nothing', async (_what, token) => {
  const { keyring } = await given()
  expect(keyring.verify(token)).toBeNull()
})

test('a token is known only by its whole: neither its beginning nor its hash opens', async () => {
  const { keyring, command } = await given()
  const { secret } = await createKey(command, request, 'cli')
  await keyring.refresh()
  const rows = await command.db.selectFrom('api_keys').select('secret_hash').execute()
  for (const token of [secret.slice(0, -1), `${secret} `, rows[0]?.secret_hash ?? '']) {
    expect(keyring.verify(token)).toBeNull()
  }
})

test('no secret is in any file of the database', async () => {
  const { options, keyring, command } = await given()
  const { secret } = await createKey(command, request, 'cli')
  await keyring.refresh()
  const folder = dirname(options.path)
  const bytes = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'))
  expect(bytes.length).toBeGreaterThan(0)
  for (const token of [secret, bootstrapToken, adminToken]) {
    expect(bytes.some((text) => text.includes(token))).toBe(false)
  }
})

test('tells its listeners when keys changed', async () => {
  const { clock, keyring, command } = await given()
  let changes = 0
  keyring.onChange(() => {
    changes += 1
  })
  await createKey(command, request, 'cli')
  await clock.advance(2000)
  expect(changes).toBe(1)
})

const hourMs = 3_600_000

async function rotated(overlapMs: number) {
  const all = await given()
  const { key, secret } = await createKey(all.command, request, 'cli')
  await all.keyring.refresh()
  const rotation = { overlapMs, nowMs: all.clock.nowMs(), actor: 'cli' as const }
  const next = await rotateKey(all.command, key.id, rotation)
  return { ...all, key, old: secret, next }
}

test('a rotated key has a new secret and the same id and settings, within one poll', async () => {
  const { clock, keyring, key, next } = await rotated(hourMs)
  await clock.advance(500)
  expect(keyring.verify(next.secret)).toEqual({ ...request, id: key.id })
})

test('the old secret goes on until the overlap ends, to the millisecond', async () => {
  const { clock, keyring, key, old, next } = await rotated(hourMs)
  expect(next.key.overlapUntilMs).toBe(clock.nowMs() + hourMs)
  await clock.advance(hourMs - 1)
  expect(keyring.verify(old)).toMatchObject({ id: key.id, expiresAtMs: clock.nowMs() + 1 })
  await clock.advance(1)
  expect(keyring.verify(old)).toBeNull()
  expect(keyring.verify(next.secret)).not.toBeNull()
})

test('without an overlap the old secret opens nothing after one poll', async () => {
  const { clock, keyring, old, next } = await rotated(0)
  await clock.advance(500)
  expect(keyring.verify(old)).toBeNull()
  expect(keyring.verify(next.secret)).not.toBeNull()
})

test('rotating again keeps every overlap, but none longer than the last one asked for', async () => {
  const { clock, keyring, command, key, old, next } = await rotated(10 * hourMs)
  const again = { overlapMs: hourMs, nowMs: clock.nowMs(), actor: 'cli' as const }
  await rotateKey(command, key.id, again)
  await clock.advance(500)
  expect(keyring.verify(old)).not.toBeNull()
  expect(keyring.verify(next.secret)).not.toBeNull()
  await clock.advance(hourMs)
  expect(keyring.verify(old)).toBeNull()
  expect(keyring.verify(next.secret)).toBeNull()
})

test('revoking takes the old secret along; a revoked key cannot be rotated', async () => {
  const { clock, keyring, command, key, old, next } = await rotated(hourMs)
  await revokeKey(command, key.id, at(clock.nowMs()))
  await clock.advance(500)
  expect(keyring.verify(old)).toBeNull()
  expect(keyring.verify(next.secret)).toBeNull()
  expect(await listKeys(command)).toMatchObject([{ overlapUntilMs: null }])
  const rotation = { overlapMs: 0, ...at(1) }
  await expect(rotateKey(command, key.id, rotation)).rejects.toThrow(/is revoked, and stays so/)
})

test('knows whether what opened once would open now, also across changes of other keys', async () => {
  const { clock, keyring, command } = await given()
  const { secret } = await createKey(command, request, 'cli')
  await keyring.refresh()
  const opened = keyring.verify(secret)
  if (opened === null) throw new Error('It did not open.')
  await createKey(command, request, 'cli')
  await clock.advance(500)
  expect(keyring.stillOpens(opened)).toBe(true)
  await revokeKey(command, opened.id, at(1))
  await clock.advance(500)
  expect(keyring.stillOpens(opened)).toBe(false)
})

test('what the old secret opened is over with its overlap, though the key goes on', async () => {
  const { clock, keyring, command } = await given()
  const { key, secret } = await createKey(command, request, 'cli')
  await keyring.refresh()
  const before = keyring.verify(secret)
  const rotation = { overlapMs: hourMs, nowMs: clock.nowMs(), actor: 'cli' as const }
  const next = await rotateKey(command, key.id, rotation)
  await clock.advance(hourMs - 1)
  const after = keyring.verify(next.secret)
  if (before === null || after === null) throw new Error('It did not open.')
  expect([before, after].map(keyring.stillOpens)).toEqual([true, true])
  await clock.advance(1)
  expect([before, after].map(keyring.stillOpens)).toEqual([false, true])
})

test('a key of the environment stays open', async () => {
  const { clock, keyring, command } = await given()
  const opened = keyring.verify(bootstrapToken)
  if (opened === null) throw new Error('It did not open.')
  await createKey(command, request, 'cli')
  await clock.advance(500)
  expect(keyring.stillOpens(opened)).toBe(true)
})

test('an overlap that is longer than the key’s life ends with it', async () => {
  const { clock, keyring, command } = await given()
  const expiresAtMs = clock.nowMs() + hourMs
  const { key, secret } = await createKey(command, { ...request, expiresAtMs }, 'cli')
  const rotation = { overlapMs: 2 * hourMs, nowMs: clock.nowMs(), actor: 'cli' as const }
  await rotateKey(command, key.id, rotation)
  await clock.advance(hourMs - 1)
  expect(keyring.verify(secret)).toMatchObject({ expiresAtMs })
  await clock.advance(1)
  expect(keyring.verify(secret)).toBeNull()
})
