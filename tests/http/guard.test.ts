// Closed by default: every route, against every kind of credential.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { surfaces } from '#src/surfaces/index.ts'
import { filesBelow, root } from '../house/source-files.ts'
import { adminKey, chat, testKey } from '../support/test-gateway.ts'
import { bodyOf, type Door, openDoor } from './door.ts'

interface Route {
  method: 'GET' | 'POST'
  path: string
  /** As it is written in the code. */
  route?: string
  access: 'public' | 'key' | 'admin'
}

const routes: Route[] = [
  { method: 'GET', path: '/health', access: 'public' },
  { method: 'GET', path: '/healthz', access: 'public' },
  { method: 'GET', path: '/readyz', access: 'public' },
  { method: 'GET', path: '/metrics', access: 'admin' },
  { method: 'GET', path: '/health/detailed', access: 'admin' },
  { method: 'GET', path: '/resilience/stats', access: 'admin' },
  { method: 'GET', path: '/auth/info', access: 'key' },
  { method: 'GET', path: '/v1/key', access: 'key' },
  { method: 'GET', path: '/v1/models', access: 'key' },
  { method: 'GET', path: '/v1/models/test-model', route: '/v1/models/*', access: 'key' },
  ...surfaces.map(({ path }): Route => ({ method: 'POST', path, access: 'key' })),
]

const patient = { http: { failuresPerMinute: 1_000_000 } }

function asking({ ask }: Door) {
  return (method: string, path: string, authorization?: string): Promise<Response> => {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (authorization !== undefined) headers.authorization = authorization
    const body = method === 'POST' ? JSON.stringify(chat()) : null
    return ask(method, path, { headers, body })
  }
}

const wrong: [string, string | undefined, string][] = [
  ['no key', undefined, "You didn't provide an API key"],
  ['an unknown key', 'Bearer test-key-0123456789abcdeg', 'Incorrect API key provided.'],
  ['a key with something behind it', `Bearer ${testKey} x`, "You didn't provide an API key"],
  ['the start of a key', `Bearer ${testKey.slice(0, -1)}`, 'Incorrect API key provided.'],
  ['an empty bearer', 'Bearer ', "You didn't provide an API key"],
  ['a key without a scheme', testKey, "You didn't provide an API key"],
  ['another scheme', `Basic ${btoa(`x:${testKey}`)}`, "You didn't provide an API key"],
]

test('the list holds every route that the code has', () => {
  const known = new Set([...routes.map(({ route, path }) => route ?? path)])
  // What administers has a list of its own.
  const files = filesBelow('src/http').filter((path) => !path.includes('/admin-'))
  const texts = files.map((path) => readFileSync(`${root}${path}`, 'utf8'))
  const written = texts.flatMap((text) => [
    ...text.matchAll(/\bapp\.\w+(?:<[^(]*>)?\(\s*'(\/[^']*)'/g),
  ])
  const found = [...written.map(([, path]) => path ?? ''), ...surfaces.map(({ path }) => path)]
  expect(found.length).toBeGreaterThan(5)
  expect(found.filter((path) => !known.has(path))).toEqual([])
})

describe.each(routes)('$method $path', ({ method, path, access }) => {
  test.each(wrong)(
    `with %s ${access === 'public' ? 'answers' : 'is 401'}`,
    async (_what, authorization, message) => {
      const response = await asking(await openDoor(patient))(method, path, authorization)
      if (access === 'public') {
        expect(response.status).toBe(200)
        return
      }
      expect(response.status).toBe(401)
      const { error } = await bodyOf(response)
      expect(error).toMatchObject({
        type: 'invalid_request_error',
        code: 'invalid_api_key',
        param: null,
      })
      expect(error.message).toContain(message)
      expect(error.message).not.toContain(testKey.slice(0, 12))
      expect(response.headers.get('x-should-retry')).toBe('false')
      expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{20,}$/)
    },
  )

  test(access === 'admin' ? 'with a plain key is 403' : 'with a key answers', async () => {
    const response = await asking(await openDoor(patient))(method, path, `Bearer ${testKey}`)
    // A route that the model lacks is refused too, but not for who is asking.
    if (access !== 'admin') return expect([200, 400]).toContain(response.status)
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({
      error: { type: 'permission_error', code: 'insufficient_scope' },
    })
  })

  test('reads the scheme in any case', async () => {
    const response = await asking(await openDoor(patient))(
      method,
      path,
      `bEaReR  ${access === 'admin' ? adminKey : testKey}`,
    )
    expect([200, 400]).toContain(response.status)
  })
})

test.each(routes.filter(({ method }) => method === 'GET'))(
  'HEAD $path is guarded as GET is',
  async ({ path, access }) => {
    expect((await asking(await openDoor(patient))('HEAD', path)).status).toBe(
      access === 'public' ? 200 : 401,
    )
  },
)

/* biome-ignore format: a table reads as a table */
test.each([
  ['GET',    '/nothing/here'],
  ['POST',   '/nothing/here'],
  ['GET',    '/v1/chat/completions'],
  ['DELETE', '/v1/models'],
  ['OPTIONS', '/v1/models'],
  ['GET',    '/metrics/'],
  ['GET',    '//metrics'],
  ['GET',    '/v1//models'],
])('%s %s, which no route answers, is 401 without a key', async (method, path) => {
  expect((await asking(await openDoor(patient))(method, path)).status).toBe(401)
})

test('a request without a key is refused before its body is read', async () => {
  // A body that never ends: whoever waits for it never answers.
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(9)) })
  const { ask } = await openDoor()
  const headers = { 'content-type': 'application/json' }
  const init = { headers, body, duplex: 'half' } as RequestInit
  const response = await ask('POST', '/v1/chat/completions', init)
  expect(response.status).toBe(401)
})

test('a refused request never reaches an upstream, and leaves one log line', async () => {
  const door = await openDoor()
  const { gateway, upstream } = door
  const response = await asking(door)('POST', '/v1/chat/completions', 'Bearer wrong-key-0123456789')
  const requestId = response.headers.get('x-request-id')
  const lines = gateway.logLines().filter((line) => line.request_id === requestId)
  expect(lines).toMatchObject([{ event: 'refused', status: 401, outcome: 'refused', key_id: null }])
  expect(upstream.calls).toHaveLength(0)
  expect(JSON.stringify(lines)).not.toContain('wrong-key')
})

test('failed authentications of one address are counted; good keys do not suffer', async () => {
  const { ask } = await openDoor({ http: { failuresPerMinute: 3 } })
  const models = (key: string | null) => {
    const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
    return ask('GET', '/v1/models', { headers })
  }
  const statuses = []
  for (const key of ['a'.repeat(20), null, 'b'.repeat(20), 'c'.repeat(20), null]) {
    statuses.push((await models(key)).status)
  }
  expect(statuses).toEqual([401, 401, 401, 429, 429])
  const refused = await models('d'.repeat(20))
  expect(await refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60)
  expect((await models(testKey)).status).toBe(200)
  expect((await ask('GET', '/health')).status).toBe(200)
})
