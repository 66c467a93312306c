// Every route that the server has, against every kind of credential. The list is the server's own:
// a route that is added and not named here fails.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Scope } from '#src/domain/index.ts'
import { createKey, type KeyTerms, revokeKey } from '#src/keys/index.ts'
import { openRegistry, type Registry } from '#src/storage/index.ts'
import { answerGood, openaiSurfaces } from '../support/openai-surfaces.ts'
import { type ScriptedUpstream, startUpstream } from '../support/scripted-upstream.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import type { ErrorBody } from './door.ts'

type Access = 'public' | 'key' | Scope

interface Route {
  access: Access
  /** A path that it answers, where the route has a parameter in it. */
  path?: string
  body?: unknown
  /** What whoever may use it gets; any status but a refusal, when it is not said. */
  status?: number
}

const origin = 'https://app.example'
const spare = { model: 'test-model', deployment: 'test-deployment' }

const routes: Record<string, Route> = {
  ...alsoHead('/health', { access: 'public', status: 200 }),
  ...alsoHead('/healthz', { access: 'public', status: 200 }),
  ...alsoHead('/readyz', { access: 'public', status: 200 }),
  ...alsoHead('/metrics', { access: 'admin-read', status: 200 }),
  ...alsoHead('/health/detailed', { access: 'admin-read', status: 200 }),
  ...alsoHead('/resilience/stats', { access: 'admin-read', status: 200 }),
  ...alsoHead('/auth/info', { access: 'key', status: 200 }),
  ...alsoHead('/v1/key', { access: 'key', status: 200 }),
  ...alsoHead('/v1/models', { access: 'key', status: 200 }),
  ...alsoHead('/v1/models/*', { access: 'key', path: '/v1/models/nothing', status: 404 }),
  'OPTIONS /v1/*': { access: 'public', path: '/v1/chat/completions', status: 204 },
  ...Object.fromEntries(
    openaiSurfaces.map(({ path, scope, body }) => [
      `POST ${path}`,
      { access: scope, body: body('Hi'), status: 200 },
    ]),
  ),
  ...alsoHead('/admin/keys', { access: 'admin-read', status: 200 }),
  ...alsoHead('/admin/keys/:id', { access: 'admin-read', path: '/admin/keys/VICTIM', status: 200 }),
  'POST /admin/keys': { access: 'admin', body: { name: 'new', scopes: ['admin'] }, status: 201 },
  'PATCH /admin/keys/:id': {
    access: 'admin',
    path: '/admin/keys/VICTIM',
    body: { name: 'changed', scopes: ['admin-read'] },
    status: 200,
  },
  'POST /admin/keys/:id/rotate': {
    access: 'admin',
    path: '/admin/keys/VICTIM/rotate',
    body: { overlap: '0s' },
    status: 200,
  },
  'POST /admin/keys/:id/revoke': { access: 'admin', path: '/admin/keys/GONE/revoke', status: 200 },
  ...alsoHead('/admin/models', { access: 'admin-read', status: 200 }),
  ...alsoHead('/admin/models/*', {
    access: 'admin-read',
    path: '/admin/models/test-model',
    status: 200,
  }),
  'POST /admin/models/apply': {
    access: 'admin',
    body: { models: [], dryRun: true },
    status: 200,
  },
  'POST /admin/models/enable': { access: 'admin', body: spare, status: 200 },
  'POST /admin/models/disable': { access: 'admin', body: { ...spare, model: 'none' }, status: 404 },
  'POST /admin/models/reset-circuit': {
    access: 'admin',
    body: { deployment: 'test-deployment' },
    status: 200,
  },
  ...alsoHead('/admin/audit', { access: 'admin-read', status: 200 }),
}

/** Whoever may GET may ask for the head alone. */
function alsoHead(path: string, route: Route): Record<string, Route> {
  return { [`GET ${path}`]: route, [`HEAD ${path}`]: route }
}

const roles = ['none', 'wrong', 'revoked', 'expired', 'chat', 'embeddings', 'admin-read', 'admin']
const tokens = new Map<string, string>([['wrong', `wrong-${'0'.repeat(30)}`]])
const ids = new Map<string, string>()
const folder = mkdtempSync(join(tmpdir(), 'podgate-roles-'))
let gateway: TestGateway
let upstream: ScriptedUpstream

beforeAll(async () => {
  const registry = await openRegistry({ path: join(folder, 'podgate.db'), busyTimeoutMs: 50 })
  await fillKeys(registry)
  await registry.close()
  upstream = await startUpstream(answerGood)
  const unlimited = { failuresPerMinute: 1_000_000, adminPerMinute: 1_000_000 }
  gateway = await startTestGateway({
    baseUrl: upstream.url,
    folder,
    config: { http: { ...unlimited, corsOrigins: [origin] } },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

async function fillKeys(registry: Registry): Promise<void> {
  const make = async (name: string, changes: Partial<KeyTerms>) => {
    const { key, secret } = await createKey(registry, { ...usual, name, ...changes }, 'cli')
    tokens.set(name, secret)
    ids.set(name, key.id)
    return key.id
  }
  for (const scope of ['chat', 'embeddings', 'admin-read', 'admin'] as const) {
    await make(scope, { scopes: [scope] })
  }
  const everything: Partial<KeyTerms> = { scopes: ['chat', 'embeddings', 'admin-read', 'admin'] }
  await make('expired', { ...everything, expiresAtMs: Date.now() - 1 })
  const revoked = await make('revoked', everything)
  await revokeKey(registry, revoked, { nowMs: Date.now(), actor: 'cli' })
  await make('VICTIM', { scopes: ['admin'] })
  await make('GONE', { scopes: ['admin'] })
}

const usual: KeyTerms = {
  name: '',
  teamId: null,
  scopes: ['chat'],
  models: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrencyMax: null,
  thirdParty: false,
  createdAtMs: 1,
  expiresAtMs: null,
}

test('every route of the server is in the table, and nothing else', () => {
  expect([...new Set(gateway.gateway.routes)].toSorted()).toEqual(Object.keys(routes).toSorted())
})

describe.each(Object.entries(routes))('%s', (name, route) => {
  test.each(roles)('with %s', async (role) => {
    const before = upstream.calls.length
    const { status, error } = await ask(name, route, role)
    const refusal = refusalOf(route.access, role)
    if (refusal !== null) {
      expect(upstream.calls).toHaveLength(before)
      expect(status).toBe(refusal.status)
      // The head of a refusal has no body to say more.
      if (!name.startsWith('HEAD')) expect(error?.code).toBe(refusal.code)
    } else if (route.status !== undefined) expect(status).toBe(route.status)
    else expect([401, 403, 500]).not.toContain(status)
  })
})

function refusalOf(access: Access, role: string): { status: number; code: string } | null {
  if (access === 'public') return null
  if (['none', 'wrong', 'revoked', 'expired'].includes(role)) {
    return { status: 401, code: 'invalid_api_key' }
  }
  const isHeld =
    access === 'key' || role === access || (role === 'admin' && access === 'admin-read')
  return isHeld ? null : { status: 403, code: 'insufficient_scope' }
}

async function ask(
  name: string,
  { path, body }: Route,
  role: string,
): Promise<{ status: number; error: ErrorBody['error'] | null }> {
  const [method = '', pattern = ''] = name.split(' ')
  const headers: Record<string, string> = { origin }
  const token = tokens.get(role)
  if (token !== undefined) headers.authorization = `Bearer ${token}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  const asked = (path ?? pattern).replace(/VICTIM|GONE/, (victim) => ids.get(victim) ?? '')
  const response = await fetch(`${gateway.url}${asked}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, error: errorIn(text) }
}

function errorIn(text: string): ErrorBody['error'] | null {
  if (!text.startsWith('{')) return null
  return (JSON.parse(text) as Partial<ErrorBody>).error ?? null
}
