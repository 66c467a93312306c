// `/admin/*`: the same changes as the commands make, with the rules of the key that asks.
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { ApiKey } from '#src/domain/index.ts'
import { adminKey, testKey } from '../support/test-gateway.ts'
import { calls, type Made, make, openAdmin } from './admin-asked.ts'

describe('keys', () => {
  test('a key that is made opens the door at once, with what was asked for', async () => {
    const all = await openAdmin()
    const asked = {
      teamId: 'web',
      models: ['test-model'],
      scopes: ['embeddings', 'chat'],
      requestsPerMinute: 7,
      concurrencyMax: 2,
      thirdParty: true,
      expires: '30d',
    }
    const made = await make(all, asked)
    const { expires: _, ...terms } = asked
    expect(made).toMatchObject({ ...terms, scopes: ['chat', 'embeddings'], state: 'active' })
    expect(made.expiresAtMs).toBe(made.createdAtMs + 30 * 86_400_000)
    expect(await calls(all, made.secret)).toBe(200)
    const shown = await all.admin('GET', `/admin/keys/${made.id}`)
    expect(shown.body).toMatchObject({ id: made.id, name: 'web', lastUsedAtMs: null })
    expect(JSON.stringify(shown.body)).not.toContain(made.secret)
  })

  test('the list has every key and no secret, and can be asked for by team', async () => {
    const all = await openAdmin()
    const [one, two] = [await make(all, { teamId: 'a' }), await make(all, { teamId: 'b' })]
    const listed = await all.admin<{ object: string; data: ApiKey[] }>('GET', '/admin/keys')
    expect(listed.body.object).toBe('list')
    expect(listed.body.data.map(({ id }) => id).toSorted()).toEqual([one.id, two.id].toSorted())
    for (const { secret } of [one, two]) {
      expect(JSON.stringify(listed.body)).not.toContain(secret.slice(11, 30))
    }
    const team = await all.admin<{ data: ApiKey[] }>('GET', '/admin/keys?teamId=b')
    expect(team.body.data.map(({ id }) => id)).toEqual([two.id])
  })

  test('a rotated key: both secrets open, and with no overlap only the new one', async () => {
    const all = await openAdmin()
    const first = await make(all)
    const path = `/admin/keys/${first.id}/rotate`
    const second = (await all.admin<Made>('POST', path)).body
    expect(second).toMatchObject({ id: first.id, state: 'active' })
    expect(await calls(all, first.secret)).toBe(200)
    expect(await calls(all, second.secret)).toBe(200)
    const third = (await all.admin<Made>('POST', path, { overlap: '0s' })).body
    const statuses = [first, second, third].map(({ secret }) => calls(all, secret))
    expect(await Promise.all(statuses)).toEqual([401, 401, 200])
  })

  test('a revoked key is refused at once, and shown as revoked', async () => {
    const all = await openAdmin()
    const { id, secret } = await make(all)
    const { status, body } = await all.admin('POST', `/admin/keys/${id}/revoke`)
    expect({ status, body }).toMatchObject({ status: 200, body: { id, state: 'revoked' } })
    expect(await calls(all, secret)).toBe(401)
  })

  test('a key that goes by the usual rate grants no more than that', async () => {
    const all = await openAdmin({ limits: { requestsPerMinute: 50 } })
    const { secret } = await make(all, { scopes: ['admin', 'chat', 'embeddings'] })
    const grant = (requestsPerMinute: number) =>
      all.as(secret)('POST', '/admin/keys', { name: 'next', requestsPerMinute })
    expect((await grant(50)).status).toBe(201)
    expect(await grant(51)).toMatchObject({
      status: 403,
      body: { error: { code: 'exceeds_own_rights', param: 'requestsPerMinute' } },
    })
    const exception = await make(all, { requestsPerMinute: 1_000_000_000 })
    const rotated = await all.as(secret)('POST', `/admin/keys/${exception.id}/rotate`)
    expect(rotated.status).toBe(403)
  })

  test('while another process holds the registry nothing is changed, and that is said', async () => {
    const all = await openAdmin()
    const other = new Database(join(all.gateway.folder, 'podgate.db'))
    other.exec('begin immediate')
    const refused = await all.admin('POST', '/admin/keys', { name: 'web' })
    other.close()
    expect(refused).toMatchObject({
      status: 503,
      body: { error: { code: 'registry_unavailable' } },
    })
    expect(refused.headers.get('retry-after')).toBe('1')
    await make(all)
  })

  test('an answer with a secret is kept by no cache', async () => {
    const all = await openAdmin()
    const { headers } = await all.admin('POST', '/admin/keys', { name: 'web' })
    expect(headers.get('cache-control')).toBe('no-store')
    expect([...headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([])
  })

  test.each<[string, unknown, string | null, string | null]>([
    ['a field that is not listed', { name: 'a', isAdmin: true }, 'isAdmin', null],
    ['an id', { name: 'a', id: 'key_1' }, 'id', null],
    ['no name', {}, 'name', null],
    ['a strange scope', { name: 'a', scopes: ['root'] }, 'scopes.0', null],
    ['a rate as text', { name: 'a', requestsPerMinute: '7' }, 'requestsPerMinute', null],
    ['a strange time', { name: 'a', expires: 'soon' }, 'expires', null],
    ['a list', [], null, null],
    ['a prototype', '{"name":"a","__proto__":{"scopes":["admin"]}}', '__proto__', null],
    ['a strange field', { name: 'a', '<b>': 1 }, null, null],
    ['no JSON', '{"name":', null, 'invalid_json'],
  ])('%s is refused, by its name', async (_what, body, param, code) => {
    const all = await openAdmin()
    const refused = await all.admin<{ error: unknown }>('POST', '/admin/keys', body)
    expect(refused.status).toBe(400)
    const type = 'invalid_request_error'
    expect(refused.body.error).toMatchObject({ type, param, code })
    expect(JSON.stringify(refused.body)).not.toContain('<b>')
    expect((await all.admin<{ data: unknown[] }>('GET', '/admin/keys')).body.data).toEqual([])
  })

  test('a key that is not there is told', async () => {
    const { admin } = await openAdmin()
    for (const [method, path] of [
      ['GET', '/admin/keys/key_x'],
      ['POST', '/admin/keys/key_x/rotate'],
      ['POST', '/admin/keys/key_x/revoke'],
    ] as const) {
      const { status, body } = await admin<{ error: { code: string } }>(method, path)
      expect({ status, code: body.error.code }).toEqual({ status: 404, code: 'not_found' })
    }
  })
})

describe('rights', () => {
  test('an admin key cannot make a wider one, through no field', async () => {
    const all = await openAdmin()
    const own = { scopes: ['chat', 'admin'], models: ['test-model'], requestsPerMinute: 5 }
    const { secret } = await make(all, { ...own, expires: '1d' })
    const narrow = { name: 'n', scopes: ['chat'], models: ['test-model'], requestsPerMinute: 5 }
    const ask = all.as(secret)
    for (const [field, wider] of [
      ['scopes', { scopes: ['embeddings'] }],
      ['models', { models: null }],
      ['models', { models: ['other'] }],
      ['requestsPerMinute', { requestsPerMinute: 6 }],
      ['expiresAtMs', { expires: '2d' }],
      ['thirdParty', { thirdParty: true }],
    ] as const) {
      const body = { ...narrow, expires: '1h', ...wider }
      const refused = await ask<{ error: unknown }>('POST', '/admin/keys', body)
      expect(refused).toMatchObject({
        status: 403,
        body: { error: { code: 'exceeds_own_rights', param: field } },
      })
    }
    expect((await ask('POST', '/admin/keys', { ...narrow, expires: '1h' })).status).toBe(201)
  })

  test('nor is it given the secret of a wider one', async () => {
    const all = await openAdmin()
    const wide = await make(all)
    const { secret } = await make(all, { scopes: ['admin', 'chat', 'embeddings'], models: ['a'] })
    const path = `/admin/keys/${wide.id}/rotate`
    expect((await all.as(secret)('POST', path)).status).toBe(403)
    expect(await calls(all, wide.secret)).toBe(200)
  })

  test('a key that only reads changes nothing', async () => {
    const all = await openAdmin()
    const { secret } = await make(all, { scopes: ['admin-read'] })
    const ask = all.as(secret)
    expect((await ask('GET', '/admin/keys')).status).toBe(200)
    for (const path of ['/admin/keys', '/admin/models/disable', '/admin/models/apply']) {
      expect((await ask('POST', path, {})).status).toBe(403)
    }
  })

  test('keys of the environment administer nothing, but for the admin’s', async () => {
    const { as } = await openAdmin()
    expect((await as(testKey)('GET', '/admin/keys')).status).toBe(403)
  })
})

test('the audit says who changed what, the newest first, and never a secret', async () => {
  const all = await openAdmin()
  const made = await make(all, { scopes: ['admin', 'chat'] })
  const other = await all.as(made.secret)<Made>('POST', '/admin/keys', {
    name: 'next',
    scopes: ['chat'],
  })
  await all.as(made.secret)('POST', '/admin/models/disable', { model: 'test-model' })
  const { body } = await all.admin<{ data: Record<string, unknown>[] }>('GET', '/admin/audit')
  expect(body.data.slice(0, 3)).toMatchObject([
    { actor: made.id, action: 'model.disable', target: 'test-model' },
    { actor: made.id, action: 'key.create', target: other.body.id },
    { action: 'key.create', target: made.id },
  ])
  expect(String(body.data[2]?.actor)).toMatch(/^key_[0-9a-f]{12}$/)
  for (const secret of [made.secret, other.body.secret, adminKey]) {
    expect(JSON.stringify(body)).not.toContain(secret)
  }
  const { body: page } = await all.admin<{ data: unknown[] }>(
    'GET',
    '/admin/audit?limit=1&before=3',
  )
  expect(page.data).toHaveLength(1)
  expect((await all.admin('GET', '/admin/audit?limit=0')).status).toBe(400)
})

test('a secret that was made is in no line of the log', async () => {
  const all = await openAdmin()
  const { secret } = await make(all)
  await calls(all, secret)
  expect(JSON.stringify(all.gateway.logLines())).not.toContain(secret.slice(11, 30))
})

test('each address is counted, whatever it asks and with whatever admin key', async () => {
  const all = await openAdmin({ http: { adminPerMinute: 3 } })
  const reader = (await make(all, { scopes: ['admin-read'] })).secret
  expect((await all.as(reader)('GET', '/admin/keys')).status).toBe(200)
  expect((await all.admin('GET', '/admin/audit')).status).toBe(200)
  const refused = await all.admin('GET', '/admin/models')
  expect(refused).toMatchObject({ status: 429, body: { error: { type: 'requests' } } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await calls(all, testKey)).toBe(200)
})

test.each([
  ['a chat key', testKey, '/admin/keys', 403],
  ['a wrong key', 'wrong-key-0123456789', '/admin/keys', 401],
  ['a chat key that looks around', testKey, '/admin/nothing', 404],
])('%s cannot lock the operator out from the same address', async (_who, key, path, status) => {
  const all = await openAdmin({ http: { adminPerMinute: 2 } })
  for (const _ of Array.from({ length: 5 })) {
    expect((await all.as(key)('GET', path)).status).toBe(status)
    expect((await all.as(key)('POST', path, {})).status).toBe(status)
  }
  expect((await all.admin('GET', '/admin/keys')).status).toBe(200)
  expect((await all.admin('GET', '/admin/keys')).status).toBe(200)
  expect((await all.admin('GET', '/admin/keys')).status).toBe(429)
})

test('bodies are small: what is too large is refused before it is read', async () => {
  const { admin } = await openAdmin()
  const name = 'n'.repeat(600_000)
  const refused = await admin<{ error: unknown }>('POST', '/admin/keys', { name })
  expect(refused).toMatchObject({ status: 413, body: { error: { code: 'request_too_large' } } })
})
