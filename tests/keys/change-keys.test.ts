// Who may make which keys, and what of it is written down.
import { expect, onTestFinished, test } from 'vitest'
import type { ApiKey } from '#src/domain/index.ts'
import {
  createKey,
  findKey,
  type KeyTerms,
  keyRequestSchema,
  listKeys,
  revokeKey,
  rotateKey,
  termsOf,
} from '#src/keys/index.ts'
import { listAudit, openRegistry, type Registry } from '#src/storage/index.ts'
import { sampleKey } from '../support/chat-call.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const nowMs = 1_700_000_000_000
const dayMs = 86_400_000

async function given(): Promise<Registry> {
  const registry = await openRegistry(temporaryStorage())
  onTestFinished(() => registry.close())
  return registry
}

function terms(changes: Record<string, unknown> = {}): KeyTerms {
  return termsOf(keyRequestSchema.parse({ name: 'web', ...changes }), nowMs)
}

function adminKey(changes: Partial<ApiKey> = {}): ApiKey {
  return { ...sampleKey, id: 'key_admin', scopes: ['chat', 'embeddings', 'admin'], ...changes }
}

const usual = { requestsPerMinute: 100, tokensPerMinute: null, concurrencyMax: null }

test('what is not said is what keys usually are: calls, all models, for ever', () => {
  expect(terms()).toEqual({
    name: 'web',
    teamId: null,
    scopes: ['chat', 'embeddings'],
    models: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
    concurrencyMax: null,
    thirdParty: false,
    createdAtMs: nowMs,
    expiresAtMs: null,
  })
})

test.each<[string, Record<string, unknown>]>([
  ['a field that is not listed', { secret: 'mine' }],
  ['an id of one’s own', { id: 'key_1' }],
  ['a moment of one’s own', { createdAtMs: 1 }],
  ['no name', { name: '' }],
  ['a name that steers a terminal', { name: '\u001b[2J' }],
  ['a name that turns a line around', { name: 'a\u202eb' }],
  ['a name without end', { name: 'n'.repeat(101) }],
  ['an unknown scope', { scopes: ['root'] }],
  ['no scope', { scopes: [] }],
  ['no model', { models: [] }],
  ['a rate of nothing', { requestsPerMinute: 0 }],
  ['a rate of a half', { requestsPerMinute: 0.5 }],
  ['no calls at once', { concurrencyMax: 0 }],
  ['third parties as a word', { thirdParty: 'true' }],
  ['third parties as they are configured', { thirdParty: null }],
  ['no time at all', { expires: '0d' }],
  ['a strange time', { expires: 'soon' }],
  ['a team with spaces', { teamId: 'a b' }],
])('%s is refused', (_what, changes) => {
  expect(keyRequestSchema.safeParse({ name: 'web', ...changes }).success).toBe(false)
})

test.each<[string, Partial<ApiKey>, Record<string, unknown>, string | null]>([
  ['the same scopes', {}, { scopes: ['chat', 'embeddings', 'admin', 'admin-read'] }, null],
  ['fewer scopes', {}, { scopes: ['chat'] }, null],
  ['another scope', { scopes: ['admin'] }, { scopes: ['chat'] }, 'scopes'],
  ['admin from admin-read', { scopes: ['admin-read'] }, { scopes: ['admin'] }, 'scopes'],
  ['one of its models', { models: ['a', 'b'] }, { models: ['b'] }, null],
  ['another model', { models: ['a'] }, { models: ['a', 'b'] }, 'models'],
  ['all models', { models: ['a'] }, {}, 'models'],
  ['its own rate', { requestsPerMinute: 10 }, { requestsPerMinute: 10 }, null],
  ['a higher rate', { requestsPerMinute: 10 }, { requestsPerMinute: 11 }, 'requestsPerMinute'],
  ['no rate', { requestsPerMinute: 10 }, {}, 'requestsPerMinute'],
  ['the usual rate that it has', {}, { requestsPerMinute: 100 }, null],
  ['more than the usual rate', {}, { requestsPerMinute: 101 }, 'requestsPerMinute'],
  [
    'more than usual, being an exception',
    { requestsPerMinute: 500 },
    { requestsPerMinute: 500 },
    null,
  ],
  ['what is usual, which may be raised', { requestsPerMinute: 500 }, {}, 'requestsPerMinute'],
  ['any calls at once where no number is usual', {}, { concurrencyMax: 1_000_000 }, null],
  ['anything, being the environment’s', { grantsAll: true }, { requestsPerMinute: 1e9 }, null],
  ['more calls at once', { concurrencyMax: 2 }, { concurrencyMax: 3 }, 'concurrencyMax'],
  ['third parties, and may use them', { thirdParty: true }, { thirdParty: true }, null],
  ['third parties, and may not', {}, { thirdParty: true }, 'thirdParty'],
  ['no third parties, and may use them', { thirdParty: true }, { thirdParty: false }, null],
  ['third parties, being the environment’s', { grantsAll: true }, { thirdParty: true }, null],
  ['as long as itself', { expiresAtMs: nowMs + dayMs }, { expires: '1d' }, null],
  ['a longer life', { expiresAtMs: nowMs + dayMs }, { expires: '2d' }, 'expiresAtMs'],
  ['life for ever', { expiresAtMs: nowMs + dayMs }, {}, 'expiresAtMs'],
])('a key that grants %s', async (_what, own, asked, refusedFor) => {
  const registry = await given()
  const making = createKey(registry, terms(asked), adminKey(own), usual)
  if (refusedFor === null) {
    expect((await making).key).toMatchObject({ name: 'web' })
    return
  }
  await expect(making).rejects.toMatchObject({ kind: 'not_granted', param: refusedFor })
  expect(await listKeys(registry)).toEqual([])
  expect(await listAudit(registry, { limit: 10, beforeId: null })).toEqual([])
})

test('a narrow key is not given the secret of a wider one by rotating it', async () => {
  const registry = await given()
  const { key } = await createKey(registry, terms(), 'cli')
  const narrow = adminKey({ models: ['a'] })
  const rotating = rotateKey(registry, key.id, { overlapMs: 0, nowMs, actor: narrow })
  await expect(rotating).rejects.toMatchObject({ kind: 'not_granted', param: 'models' })
  expect(await findKey(registry, key.id)).toMatchObject({ overlapUntilMs: null })
})

test('nor is one without third parties given the secret of a key that may use them', async () => {
  const registry = await given()
  const { key } = await createKey(registry, terms({ thirdParty: true }), 'cli')
  expect(await findKey(registry, key.id)).toMatchObject({ thirdParty: true })
  const rotate = (actor: ApiKey) => rotateKey(registry, key.id, { overlapMs: 0, nowMs, actor })
  await expect(rotate(adminKey())).rejects.toMatchObject({ param: 'thirdParty' })
  expect((await rotate(adminKey({ thirdParty: true }))).key).toMatchObject({ thirdParty: true })
})

test('nor is one that goes by what is usual given the secret of an exception', async () => {
  const registry = await given()
  const { key } = await createKey(registry, terms({ requestsPerMinute: 101 }), 'cli')
  const rotation = { overlapMs: 0, nowMs, actor: adminKey(), usual }
  const rotating = rotateKey(registry, key.id, rotation)
  await expect(rotating).rejects.toMatchObject({ param: 'requestsPerMinute' })
})

test('every change leaves one line that says who, what and when, and never a secret', async () => {
  const registry = await given()
  const admin = adminKey()
  const made = await createKey(registry, terms({ teamId: 'web', models: ['a'] }), 'cli')
  const { id } = made.key
  const rotation = { overlapMs: dayMs, nowMs: nowMs + 1, actor: admin }
  const rotated = await rotateKey(registry, id, rotation)
  await revokeKey(registry, id, { nowMs: nowMs + 2, actor: admin })
  await revokeKey(registry, id, { nowMs: nowMs + 3, actor: admin })
  const entries = await listAudit(registry, { limit: 10, beforeId: null })
  expect(entries.map(({ id: _, ...entry }) => entry)).toEqual([
    {
      atMs: nowMs + 2,
      actor: 'key_admin',
      action: 'key.revoke',
      target: id,
      before: { name: 'web', teamId: 'web', expiresAtMs: null, revokedAtMs: null },
      after: { revokedAtMs: nowMs + 2 },
    },
    {
      atMs: nowMs + 1,
      actor: 'key_admin',
      action: 'key.rotate',
      target: id,
      before: null,
      after: { overlapUntilMs: nowMs + 1 + dayMs },
    },
    {
      atMs: nowMs,
      actor: 'cli',
      action: 'key.create',
      target: id,
      before: null,
      after: terms({ teamId: 'web', models: ['a'] }),
    },
  ])
  const text = JSON.stringify(entries)
  for (const secret of [made.secret, rotated.secret]) {
    expect(text).not.toContain(secret)
    expect(text).not.toContain(secret.slice(11, 30))
  }
})

test('the audit comes in pages, the newest first', async () => {
  const registry = await given()
  for (const name of ['a', 'b', 'c', 'd']) await createKey(registry, terms({ name }), 'cli')
  const first = await listAudit(registry, { limit: 3, beforeId: null })
  const rest = await listAudit(registry, { limit: 3, beforeId: first.at(-1)?.id ?? null })
  const names = [...first, ...rest].map(({ after }) => (after as { name: string }).name)
  expect(names).toEqual(['d', 'c', 'b', 'a'])
})

test('an id that is no id is not repeated', async () => {
  const registry = await given()
  const revoking = revokeKey(registry, '<script>', { nowMs, actor: 'cli' })
  await expect(revoking).rejects.toThrow('The key that was named does not exist.')
})
