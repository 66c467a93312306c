// What may be changed of a key, by whom, and what of it is written down. The secret stays as it is.
import { expect, onTestFinished, test } from 'vitest'
import type { ApiKey } from '#src/domain/index.ts'
import {
  changesOf,
  createKey,
  findKey,
  keyChangesSchema,
  keyRequestSchema,
  openKeyring,
  revokeKey,
  rotateKey,
  termsOf,
  updateKey,
} from '#src/keys/index.ts'
import { listAudit, openRegistry } from '#src/storage/index.ts'
import { sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const usual = { requestsPerMinute: 100, tokensPerMinute: null, concurrencyMax: null }

/** A key, its secret, and a gateway's keyring with a connection of its own. */
async function given(terms: Record<string, unknown> = {}) {
  const storage = temporaryStorage()
  const clock = createFakeClock()
  const command = await openRegistry(storage)
  const registry = await openRegistry(storage)
  const options = { bootstrapKeys: [], adminKey: null, clock, pollMs: 250 }
  const { key, secret } = await createKey(
    command,
    termsOf(keyRequestSchema.parse({ name: 'web', ...terms }), clock.nowMs()),
    'cli',
  )
  const keyring = await openKeyring(registry, options)
  onTestFinished(async () => {
    keyring[Symbol.dispose]()
    await Promise.all([command.close(), registry.close()])
  })
  const update = async (changes: Record<string, unknown>, actor: ApiKey | 'cli' = 'cli') => {
    const nowMs = clock.nowMs()
    const asked = changesOf(keyChangesSchema.parse(changes), nowMs)
    return updateKey(command, key.id, asked, { nowMs, actor, usual })
  }
  const stored = () => findKey(command, key.id)
  /** What was written down since the key was made. */
  const deeds = async () => {
    const entries = await listAudit(command, { limit: 100, beforeId: null })
    return entries.filter(({ action }) => action === 'key.update')
  }
  return { clock, command, keyring, key, secret, update, stored, deeds }
}

function adminKey(changes: Partial<ApiKey> = {}): ApiKey {
  return { ...sampleKey, id: 'key_admin', scopes: ['chat', 'embeddings', 'admin'], ...changes }
}

/* biome-ignore format: a table reads as a table */
const members: [string, unknown, keyof ApiKey, unknown, unknown][] = [
  ['name', 'shop', 'name', 'web', 'shop'],
  ['teamId', null, 'teamId', 'blue', null],
  ['teamId', 'red', 'teamId', 'blue', 'red'],
  ['scopes', ['admin', 'chat'], 'scopes', ['chat'], ['chat', 'admin']],
  ['models', ['b'], 'models', ['a'], ['b']],
  ['models', null, 'models', ['a'], null],
  ['requestsPerMinute', 8, 'requestsPerMinute', 7, 8],
  ['requestsPerMinute', null, 'requestsPerMinute', 7, null],
  ['tokensPerMinute', 9000, 'tokensPerMinute', 5000, 9000],
  ['tokensPerMinute', null, 'tokensPerMinute', 5000, null],
  ['concurrencyMax', 4, 'concurrencyMax', 3, 4],
  ['concurrencyMax', null, 'concurrencyMax', 3, null],
  ['thirdParty', true, 'thirdParty', false, true],
]
const before = {
  teamId: 'blue',
  scopes: ['chat'],
  models: ['a'],
  requestsPerMinute: 7,
  tokensPerMinute: 5000,
  concurrencyMax: 3,
  thirdParty: false,
  expires: '30d',
}

test.each(members)('%s becomes %j, and nothing else of the key changes', async (...member) => {
  const [asked, value, field, was, is] = member
  const { clock, key, secret, keyring, update, stored, deeds } = await given(before)
  const updated = await update({ [asked]: value })
  expect(updated.changed).toEqual([field])
  expect(updated.key).toEqual({ ...key, [field]: is })
  expect(await stored()).toEqual(updated.key)
  const { id: target } = key
  const deed = { actor: 'cli', action: 'key.update', target }
  expect(await deeds()).toMatchObject([
    { ...deed, before: { [field]: was }, after: { [field]: is } },
  ])
  const [line] = await deeds()
  expect([line?.before, line?.after].map((side) => Object.keys(side as object))).toEqual([
    [field],
    [field],
  ])
  await clock.advance(250)
  expect(keyring.verify(secret)).toMatchObject({ id: key.id, [field]: is })
})

test('a life counts from the change on; null makes it one for ever', async () => {
  const { clock, key, update, deeds } = await given({ expires: '1d' })
  await clock.advance(hourMs)
  const expiresAtMs = clock.nowMs() + 2 * dayMs
  expect((await update({ expires: '2d' })).key.expiresAtMs).toBe(expiresAtMs)
  expect((await update({ expires: null })).key.expiresAtMs).toBeNull()
  expect(await deeds()).toMatchObject([
    { before: { expiresAtMs }, after: { expiresAtMs: null } },
    { before: { expiresAtMs: key.expiresAtMs }, after: { expiresAtMs } },
  ])
})

test('several members are one change and one line; what is as it was is no part of it', async () => {
  const { update, deeds } = await given(before)
  const asked = { name: 'web', teamId: 'red', scopes: ['chat', 'chat'], concurrencyMax: 9 }
  expect((await update(asked)).changed).toEqual(['teamId', 'concurrencyMax'])
  expect(await deeds()).toMatchObject([
    {
      before: { teamId: 'blue', concurrencyMax: 3 },
      after: { teamId: 'red', concurrencyMax: 9 },
    },
  ])
})

test('what differs in nothing is written nowhere', async () => {
  const { command, key, update, stored, deeds } = await given(before)
  const counted = command.changeCounter()
  const { expires: _, ...same } = before
  for (const changes of [{}, same]) expect((await update(changes)).changed).toEqual([])
  expect(command.changeCounter()).toBe(counted)
  expect(await stored()).toEqual(key)
  expect(await deeds()).toEqual([])
})

test('a change that cannot be written down is none', async () => {
  const { command, key, update, stored } = await given()
  await command.db.schema.alterTable('audit').renameTo('elsewhere').execute()
  await expect(update({ name: 'shop' })).rejects.toThrow(/audit/)
  expect(await stored()).toEqual(key)
})

test.each<[string, Record<string, unknown>]>([
  ['a member that is not listed', { secret: 'mine' }],
  ['an id', { id: 'key_1' }],
  ['a moment of its making', { createdAtMs: 1 }],
  ['a moment instead of a life', { expiresAtMs: 1 }],
  ['no name', { name: null }],
  ['a name that steers a terminal', { name: '\u001b[2J' }],
  ['a team with spaces', { teamId: 'a b' }],
  ['no scopes', { scopes: null }],
  ['an empty list of scopes', { scopes: [] }],
  ['an empty list of models', { models: [] }],
  ['a rate of nothing', { requestsPerMinute: 0 }],
  ['tokens of a half', { tokensPerMinute: 0.5 }],
  ['no calls at once', { concurrencyMax: 0 }],
  ['third parties as they are configured', { thirdParty: null }],
  ['no time at all', { expires: '0d' }],
])('%s is no change that can be asked for', (_what, changes) => {
  expect(keyChangesSchema.safeParse(changes).success).toBe(false)
})

const narrow: Partial<ApiKey> = {
  scopes: ['chat', 'admin'],
  models: ['a', 'b'],
  requestsPerMinute: 10,
  tokensPerMinute: 1000,
  concurrencyMax: 2,
}

/* biome-ignore format: a table reads as a table */
test.each<[string, Partial<ApiKey>, Record<string, unknown>, string | null]>([
  ['the name of a key that may do more', narrow, { name: 'shop' }, null],
  ['the team of a key that may do more', narrow, { teamId: 'red' }, null],
  ['its scopes, to what it holds', narrow, { scopes: ['chat', 'admin-read'] }, null],
  ['its scopes, to one more', narrow, { scopes: ['embeddings'] }, 'scopes'],
  ['its models, to its own', narrow, { models: ['b'] }, null],
  ['its models, to another', narrow, { models: ['b', 'c'] }, 'models'],
  ['its rate, to its own', narrow, { requestsPerMinute: 10 }, null],
  ['its rate, to a higher one', narrow, { requestsPerMinute: 11 }, 'requestsPerMinute'],
  ['its rate, to what is usual', narrow, { requestsPerMinute: null }, 'requestsPerMinute'],
  ['its rate, to what is usual, going by it', {}, { requestsPerMinute: null }, null],
  ['its rate, above what is usual', {}, { requestsPerMinute: 101 }, 'requestsPerMinute'],
  ['its tokens, to its own', narrow, { tokensPerMinute: 1000 }, null],
  ['its tokens, to more', narrow, { tokensPerMinute: 1001 }, 'tokensPerMinute'],
  ['its tokens, to what is usual', narrow, { tokensPerMinute: null }, 'tokensPerMinute'],
  ['its calls at once, to its own', narrow, { concurrencyMax: 2 }, null],
  ['its calls at once, to more', narrow, { concurrencyMax: 3 }, 'concurrencyMax'],
  ['its third parties, to what it may not', narrow, { thirdParty: true }, 'thirdParty'],
  ['its third parties, to what it may', { thirdParty: true }, { thirdParty: true }, null],
  ['its life, to as long as its own', narrow, { expires: '7d' }, null],
  ['its life, to a longer one', narrow, { expires: '8d' }, 'expiresAtMs'],
  ['its life, to one for ever', narrow, { expires: null }, 'expiresAtMs'],
  ['two members, one of them too far', narrow, { name: 'shop', concurrencyMax: 3 }, 'concurrencyMax'],
  ['what is as it was, however wide', narrow, { requestsPerMinute: 500, models: ['x'] }, null],
  ['anything, being the environment’s', { grantsAll: true }, { requestsPerMinute: 1e9 }, null],
])('a key changes %s', async (_what, own, changes, refusedFor) => {
  const wide = { scopes: ['chat', 'embeddings', 'admin'], models: ['x'], expires: '30d' }
  const rates = { requestsPerMinute: 500, tokensPerMinute: 90_000, concurrencyMax: 50 }
  const { clock, key, update, stored, deeds } = await given({ ...wide, ...rates })
  const actor = adminKey({ expiresAtMs: own === narrow ? clock.nowMs() + 7 * dayMs : null, ...own })
  const updating = update(changes, actor)
  if (refusedFor === null) {
    await updating
    for (const { actor: who } of await deeds()) expect(who).toBe('key_admin')
    return
  }
  await expect(updating).rejects.toMatchObject({ kind: 'not_granted', param: refusedFor })
  expect(await stored()).toEqual(key)
  expect(await deeds()).toEqual([])
})

test('a revoked key stays as it is', async () => {
  const { clock, command, key, update, deeds } = await given()
  await revokeKey(command, key.id, { nowMs: clock.nowMs(), actor: 'cli' })
  await expect(update({ name: 'shop' })).rejects.toMatchObject({
    kind: 'not_found',
    message: `The key ${key.id} is revoked, and stays so.`,
  })
  await expect(update({ expires: null })).rejects.toMatchObject({ kind: 'not_found' })
  expect(await deeds()).toEqual([])
})

test('a key that is not there is told', async () => {
  const { command } = await given()
  const updating = updateKey(command, 'key_x', { name: 'a' }, { nowMs: 1, actor: 'cli' })
  await expect(updating).rejects.toThrow('The key key_x does not exist.')
})

test('an expired key opens again when it is given a new life, and by nothing else', async () => {
  const { clock, keyring, secret, update } = await given({ expires: '1h' })
  await clock.advance(hourMs)
  await update({ name: 'shop' })
  await clock.advance(250)
  expect(keyring.verify(secret)).toBeNull()
  await update({ expires: '1h' })
  await clock.advance(250)
  expect(keyring.verify(secret)).toMatchObject({ name: 'shop' })
  await clock.advance(hourMs - 250)
  expect(keyring.verify(secret)).toBeNull()
})

test('who gives an expired key a new life gives back all that it may do, and must hold it', async () => {
  const { clock, keyring, secret, update } = await given({ models: ['a', 'x'], expires: '1h' })
  const own = adminKey({ models: ['a'] })
  await clock.advance(hourMs)
  const reviving = update({ expires: '1h' }, own)
  await expect(reviving).rejects.toMatchObject({ kind: 'not_granted', param: 'models' })
  await update({ expires: '1h', models: ['a'] }, own)
  await clock.advance(250)
  expect(keyring.verify(secret)).toMatchObject({ models: ['a'] })
})

/* biome-ignore format: a table reads as a table */
test.each<[string, Record<string, unknown>, Partial<ApiKey>, string]>([
  ['all models',       { models: null },         { models: ['a'] },           'models'],
  ['a longer life',    { models: ['a'] },        { expiresAtMs: 9e15 - 1 },   'expiresAtMs'],
  ['a higher rate',    { requestsPerMinute: 9 }, { requestsPerMinute: 8 },    'requestsPerMinute'],
  ['third parties',    { thirdParty: true },     {},                          'thirdParty'],
])('a narrow admin key makes no admin of a key with %s', async (_what, terms, own, param) => {
  const { key, update, stored } = await given({ scopes: ['chat'], ...terms })
  const actor = adminKey(own)
  const opening = update({ scopes: ['chat', 'admin'] }, actor)
  await expect(opening).rejects.toMatchObject({ kind: 'not_granted', param })
  expect(await stored()).toEqual(key)
  // Fewer scopes open nothing.
  await update({ scopes: ['chat'], name: 'shop' }, actor)
  expect(await stored()).toMatchObject({ name: 'shop' })
})

test('an old secret follows the key: its settings and its life, but not beyond its overlap', async () => {
  const { clock, command, keyring, key, secret, update } = await given({ expires: '10h' })
  const rotation = { overlapMs: 3 * hourMs, nowMs: clock.nowMs(), actor: 'cli' as const }
  await rotateKey(command, key.id, rotation)
  expect((await update({ concurrencyMax: 5, expires: '1h' })).key.overlapUntilMs).toBe(
    clock.nowMs() + 3 * hourMs,
  )
  await clock.advance(250)
  expect(keyring.verify(secret)).toMatchObject({ concurrencyMax: 5 })
  await clock.advance(hourMs)
  expect(keyring.verify(secret)).toBeNull()
  await update({ expires: null })
  await clock.advance(250)
  expect(keyring.verify(secret)).not.toBeNull()
  await clock.advance(2 * hourMs)
  expect(keyring.verify(secret)).toBeNull()
})

test('what the key opened goes on through a change, until a shorter life ends it', async () => {
  const { clock, keyring, secret, update } = await given()
  const opened = keyring.verify(secret)
  if (opened === null) throw new Error('It did not open.')
  await update({ models: ['other'], scopes: ['embeddings'], requestsPerMinute: 1 })
  await clock.advance(250)
  expect(keyring.stillOpens(opened)).toBe(true)
  await update({ expires: '1h' })
  await clock.advance(250)
  expect(keyring.stillOpens(opened)).toBe(true)
  await clock.advance(hourMs)
  expect(keyring.stillOpens(opened)).toBe(false)
})
