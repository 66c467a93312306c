// Watching never wakes anything: every route that only looks, and every call that is refused, leaves
// the deployments of every surface without so much as a connection.
import { expect, test } from 'vitest'
import { askings, openaiSurfaces } from '../support/openai-surfaces.ts'
import { startUpstream } from '../support/scripted-upstream.ts'
import { adminKey, kinds, modelAt, startTestGateway, testKey } from '../support/test-gateway.ts'

const origin = 'https://app.example'

test.each(kinds)('looking at a gateway in front of %s asks no deployment', async (kind) => {
  await using upstream = await startUpstream()
  const at = { baseUrl: upstream.url, kind }
  const models = openaiSurfaces.map(({ name }) => ({
    ...modelAt(at, `of-${name}`, `serves-${name}`),
    surfaces: [name],
  }))
  const config = { http: { corsOrigins: [origin] } }
  await using gateway = await startTestGateway({ ...at, models, config })
  const looks = gateway.gateway.routes.filter((route) => /^(GET|HEAD|OPTIONS) /.test(route))
  const paths = ['/v1/*', '/v1/models/*', '/admin/models/*'] as const
  expect(looks).toEqual(expect.arrayContaining(['GET /metrics', 'GET /v1/models', 'GET /readyz']))
  for (const look of looks) {
    const [method = '', pattern = ''] = look.split(' ')
    const known = paths.find((path) => path === pattern)
    const asked = known === undefined ? [pattern] : addressesOf(known)
    for (const path of asked) {
      for (const key of [testKey, adminKey]) {
        const headers = { authorization: `Bearer ${key}`, origin }
        const response = await fetch(`${gateway.url}${path}`, { method, headers })
        await response.text()
        expect(response.status, `${method} ${path}`).toBeLessThan(500)
      }
    }
  }
  expect(upstream.openSockets()).toBe(0)
  expect(upstream.calls).toEqual([])
})

/** Where a route has any address in it: each that means something. */
function addressesOf(pattern: '/v1/*' | '/v1/models/*' | '/admin/models/*'): string[] {
  if (pattern === '/v1/*') return openaiSurfaces.map(({ path }) => path)
  return openaiSurfaces.map(({ name }) => pattern.replace('*', `of-${name}`))
}

test.each(askings)('a call of $name that is refused asks no deployment', async (asking) => {
  await using upstream = await startUpstream()
  await using gateway = await startTestGateway({ baseUrl: upstream.url })
  const refused = [
    gateway.post(asking.body(), { headers: { authorization: '' } }, asking.path),
    gateway.post(asking.body({ model: 'other' }), {}, asking.path),
    gateway.post(asking.body(asking.surface.bad), {}, asking.path),
    gateway.post('{', {}, asking.path),
  ]
  for (const response of await Promise.all(refused)) {
    expect(response.status).toBeGreaterThanOrEqual(400)
    await response.text()
  }
  expect(upstream.openSockets()).toBe(0)
})
