// `PATCH /admin/keys/{id}`: who may change which member of a key, and what becomes of it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey, keyRequestSchema, revokeKey, termsOf } from '#src/keys/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { adminKey, startTestGateway, type TestGateway, testKey } from '../support/test-gateway.ts'
import { calls, type Made, make, openAdmin } from './admin-asked.ts'

interface ErrorOf {
  error: { code: string | null; param: string | null }
}

describe('each kind of credential against each member, of a key that may do all', () => {
  const all = ['chat', 'embeddings', 'admin-read', 'admin']
  const narrow = {
    scopes: ['chat', 'admin'],
    models: ['a', 'b'],
    requestsPerMinute: 10,
    tokensPerMinute: 1000,
    concurrencyMax: 2,
    expires: '7d',
  }
  /** What the narrow key may grant, what it may not, and for which member it is refused. */
  /* biome-ignore format: a table reads as a table */
  const members: [member: string, within: unknown, beyond: unknown, shownAs: string | null][] = [
    ['name',              'shop',                 'anything else',      null],
    ['teamId',            'red',                  null,                 null],
    ['scopes',            ['chat', 'admin-read'], ['embeddings'],       'scopes'],
    ['models',            ['b'],                  ['b', 'c'],           'models'],
    ['requestsPerMinute', 10,                     11,                   'requestsPerMinute'],
    ['tokensPerMinute',   1000,                   1001,                 'tokensPerMinute'],
    ['concurrencyMax',    2,                      3,                    'concurrencyMax'],
    ['thirdParty',        false,                  true,                 'thirdParty'],
    ['expires',           '1d',                   '8d',                 'expiresAtMs'],
  ]
  const closed = { status: 401, code: 'invalid_api_key', param: null }
  const outside = { status: 403, code: 'insufficient_scope', param: null }
  /** null: it may change everything. */
  const roles: Record<string, object | null> = {
    none: closed,
    wrong: closed,
    revoked: closed,
    expired: closed,
    chat: outside,
    embeddings: outside,
    'admin-read': outside,
    'a key of API_KEYS': outside,
    'narrow admin': null,
    admin: null,
    API_ADMIN_KEY: null,
  }
  const tokens = new Map<string, string>([
    ['wrong', `wrong-${'0'.repeat(30)}`],
    ['a key of API_KEYS', testKey],
    ['API_ADMIN_KEY', adminKey],
  ])
  const folder = mkdtempSync(join(tmpdir(), 'podgate-update-'))
  let gateway: TestGateway

  beforeAll(async () => {
    const registry = await openRegistry({ path: join(folder, 'podgate.db'), busyTimeoutMs: 50 })
    const keep = async (name: string, asked: Record<string, unknown>, madeAtMs = Date.now()) => {
      const terms = termsOf(keyRequestSchema.parse({ name, ...asked }), madeAtMs)
      const { key, secret } = await createKey(registry, terms, 'cli')
      tokens.set(name, secret)
      return key.id
    }
    for (const scope of ['chat', 'embeddings', 'admin-read']) await keep(scope, { scopes: [scope] })
    await keep('narrow admin', narrow)
    await keep('admin', { scopes: all, thirdParty: true })
    await keep('expired', { scopes: all, expires: '1s' }, Date.now() - 2000)
    const revoked = await keep('revoked', { scopes: all })
    await revokeKey(registry, revoked, { nowMs: Date.now(), actor: 'cli' })
    await registry.close()
    const http = { failuresPerMinute: 1_000_000, adminPerMinute: 1_000_000 }
    gateway = await startTestGateway({ baseUrl: 'http://127.0.0.1:1', folder, config: { http } })
  })

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  async function ask(method: string, path: string, body: unknown, token = adminKey) {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (token !== '') headers.authorization = `Bearer ${token}`
    const init = body === null ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`${gateway.url}${path}`, { method, headers, ...init })
    return { status: response.status, body: (await response.json()) as Made & ErrorOf }
  }

  const cases = Object.keys(roles).flatMap((role) =>
    members.flatMap(([member, within, beyond, shownAs]) => [
      { role, member, value: within, what: 'within', refusedFor: null },
      { role, member, value: beyond, what: 'beyond', refusedFor: shownAs },
    ]),
  )

  test.each(cases)('$role: $member, $what what the narrow one holds', async (one) => {
    const { role, member, value } = one
    const usual = { name: 'victim', teamId: 'blue', scopes: all, expires: '30d' }
    const wide = { ...usual, thirdParty: value === false }
    const { secret: _, ...victim } = (await ask('POST', '/admin/keys', wide)).body
    const path = `/admin/keys/${victim.id}`
    const token = tokens.get(role) ?? ''
    const { status, body } = await ask('PATCH', path, { [member]: value }, token)
    const after = (await ask('GET', path, null)).body
    const tooWide = { status: 403, code: 'exceeds_own_rights', param: one.refusedFor }
    const isTooWide = role === 'narrow admin' && one.refusedFor !== null
    const refusal = isTooWide ? tooWide : (roles[role] ?? null)
    if (refusal !== null) {
      expect({ status, code: body.error.code, param: body.error.param }).toEqual(refusal)
      expect(after).toEqual(victim)
      return
    }
    expect(status).toBe(200)
    expect(after).toEqual(body)
    const field = member === 'expires' ? 'expiresAtMs' : member
    const is = member === 'expires' ? body.expiresAtMs : value
    expect(body).toEqual({ ...victim, [field]: is })
    expect(body).not.toEqual(victim)
  })
})

test('a change holds in this gateway at once, in all that the key is asked and told', async () => {
  const door = await openAdmin()
  const { id, secret } = await make(door, { requestsPerMinute: 500 })
  const patch = (body: unknown) => door.admin('PATCH', `/admin/keys/${id}`, body)
  expect(await calls(door, secret)).toBe(200)
  await patch({ models: ['other'] })
  expect(await calls(door, secret)).toBe(403)
  await patch({ models: null, scopes: ['embeddings'] })
  expect(await calls(door, secret)).toBe(403)
  await patch({ scopes: ['chat'], requestsPerMinute: 777, concurrencyMax: 9, teamId: 'red' })
  await patch({ thirdParty: true })
  expect(await calls(door, secret)).toBe(200)
  expect(await (await door.gateway.get('/v1/key', secret)).json()).toMatchObject({
    team_id: 'red',
    third_party: true,
    limits: { requests_per_minute: 777, concurrency: 9 },
  })
  expect(await door.gateway.logged({ event: 'call', key_id: id, team_id: 'red' })).toBeDefined()
})

test('an admin key may narrow itself, and not widen itself again', async () => {
  const door = await openAdmin()
  const { id, secret } = await make(door, { scopes: ['admin', 'chat'] })
  const patch = (body: unknown) => door.as(secret)<ErrorOf>('PATCH', `/admin/keys/${id}`, body)
  expect((await patch({ models: ['a'], requestsPerMinute: 5, expires: '1d' })).status).toBe(200)
  for (const [param, wider] of [
    ['models', { models: null }],
    ['requestsPerMinute', { requestsPerMinute: 6 }],
    ['expiresAtMs', { expires: '2d' }],
    ['thirdParty', { thirdParty: true }],
    ['scopes', { scopes: ['admin', 'embeddings'] }],
  ] as const) {
    const { status, body } = await patch(wider)
    expect({ status, error: body.error }).toMatchObject({ status: 403, error: { param } })
  }
})

test('who changed what is in the audit, with what was before', async () => {
  const door = await openAdmin()
  const other = await make(door, { scopes: ['admin', 'chat'] })
  const { id, secret } = await make(door, { teamId: 'blue' })
  const { body, headers } = await door.as(other.secret)('PATCH', `/admin/keys/${id}`, {
    teamId: 'red',
    name: 'web',
  })
  expect(JSON.stringify(body)).not.toContain(secret.slice(11, 30))
  expect(headers.get('cache-control')).toBe('no-store')
  const audit = await door.admin<{ data: object[] }>('GET', '/admin/audit?limit=1')
  expect(audit.body.data).toMatchObject([
    {
      actor: other.id,
      action: 'key.update',
      target: id,
      before: { teamId: 'blue' },
      after: { teamId: 'red' },
    },
  ])
})

test('keys of the environment are changed where they are set, and not here', async () => {
  const door = await openAdmin()
  const { secret } = await make(door, { scopes: ['admin'] })
  for (const given of [testKey, adminKey]) {
    const { id } = (await (await door.gateway.get('/auth/info', given)).json()) as Made
    for (const [method, path] of [
      ['PATCH', `/admin/keys/${id}`],
      ['POST', `/admin/keys/${id}/rotate`],
      ['POST', `/admin/keys/${id}/revoke`],
    ] as const) {
      for (const token of [adminKey, secret]) {
        const { status, body } = await door.as(token)<ErrorOf>(method, path, {})
        expect({ status, code: body.error.code }).toEqual({
          status: 409,
          code: 'key_of_environment',
        })
      }
    }
    expect((await door.as(testKey)('PATCH', `/admin/keys/${id}`, {})).status).toBe(403)
  }
  expect(await calls(door, testKey)).toBe(200)
})

test('so are the keys that a development gateway keeps for itself', async () => {
  const kept = 'dev-0123456789abcdef0123'
  await using gateway = await startTestGateway({
    baseUrl: 'http://127.0.0.1:1',
    additions: { apiKeys: [kept] },
  })
  const { id } = (await (await gateway.get('/auth/info', kept)).json()) as Made
  const response = await fetch(`${gateway.url}/admin/keys/${id}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${adminKey}` },
  })
  expect(response.status).toBe(409)
})

test('a key that is not there is told, and one that is revoked stays so', async () => {
  const door = await openAdmin()
  const patch = (id: string) => door.admin('PATCH', `/admin/keys/${id}`, { expires: '1d' })
  expect(await patch('key_x')).toMatchObject({
    status: 404,
    body: { error: { code: 'not_found' } },
  })
  const { id, secret } = await make(door)
  await door.admin('POST', `/admin/keys/${id}/revoke`)
  expect((await patch(id)).status).toBe(404)
  expect(await calls(door, secret)).toBe(401)
})

test('no body, or an empty one, changes nothing', async () => {
  const door = await openAdmin()
  const { secret: _, ...made } = await make(door)
  for (const body of [undefined, {}]) {
    const path = `/admin/keys/${made.id}`
    expect(await door.admin('PATCH', path, body)).toMatchObject({ status: 200, body: made })
  }
  const audit = await door.admin<{ data: { action: string }[] }>('GET', '/admin/audit')
  expect(audit.body.data.map(({ action }) => action)).not.toContain('key.update')
})

/* biome-ignore format: a table reads as a table */
test.each<[string, unknown, string | null, string | null]>([
  ['a field that is not listed', { isAdmin: true },                          'isAdmin',         null],
  ['an id',                      { id: 'key_1' },                            'id',              null],
  ['a moment of its end',        { expiresAtMs: 1 },                         'expiresAtMs',     null],
  ['a revival',                  { revokedAtMs: null },                      'revokedAtMs',     null],
  ['no name',                    { name: null },                             'name',            null],
  ['a strange scope',            { scopes: ['root'] },                       'scopes.0',        null],
  ['no scopes',                  { scopes: [] },                             'scopes',          null],
  ['tokens as text',             { tokensPerMinute: '7' },                   'tokensPerMinute', null],
  ['third parties as text',      { thirdParty: 'true' },                     'thirdParty',      null],
  ['a strange time',             { expires: 'never' },                       'expires',         null],
  ['a list',                     [],                                         null,              null],
  ['a prototype',                '{"__proto__":{"scopes":["admin"]}}',       '__proto__',       null],
  ['no JSON',                    '{"name":',                                 null,              'invalid_json'],
])('%s is refused, by its name', async (_what, body, param, code) => {
  const door = await openAdmin()
  const { secret: _secret, ...made } = await make(door)
  const refused = await door.admin<ErrorOf>('PATCH', `/admin/keys/${made.id}`, body)
  expect(refused).toMatchObject({ status: 400, body: { error: { param, code } } })
  expect((await door.admin('GET', `/admin/keys/${made.id}`)).body).toEqual(made)
})
