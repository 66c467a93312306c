// Every path that the server has, asked with the methods that it does not have. The list is the
// server's own, so a route that is added is held to it as well.
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestGateway, testKey } from '../support/test-gateway.ts'

const origin = 'https://app.example'
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'] as const
const baseUrl = 'http://127.0.0.1:1'
const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'podgate-methods-')))
let plain: TestGateway
let withCors: TestGateway

beforeAll(async () => {
  const [one = '', other = ''] = folders
  const config = { http: { corsOrigins: [origin] } }
  plain = await startTestGateway({ baseUrl, folder: one })
  withCors = await startTestGateway({ baseUrl, folder: other, config })
})

afterAll(async () => {
  await plain[Symbol.asyncDispose]()
  await withCors[Symbol.asyncDispose]()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function ask({ url }: TestGateway, method: string, path: string): Promise<Response> {
  const authorization = `Bearer ${testKey}`
  return fetch(`${url}${path}`, { method, headers: { authorization }, redirect: 'manual' })
}

/** An address for each route, and every method that any route answers there. */
function addresses({ gateway: { routes } }: TestGateway): Map<string, Set<string>> {
  const known = routes.map((route) => {
    const [method = '', url = ''] = route.split(' ')
    const path = url.replace('/*', '/some/thing').replace(/:\w+/, 'some')
    return {
      method,
      path,
      pattern: new RegExp(`^${url.replace('*', '.*').replace(/:\w+/, '[^/]+')}$`),
    }
  })
  return new Map(
    known.map(({ path }) => {
      const matching = known.filter(({ pattern }) => pattern.test(path))
      return [path, new Set(matching.map(({ method }) => method))]
    }),
  )
}

function allowedBy(response: Response): string[] {
  return (response.headers.get('allow') ?? '').split(', ').toSorted()
}

test.each([
  ['without CORS', () => plain],
  ['with CORS', () => withCors],
])(
  'every path tells which methods it has when it is asked with another (%s)',
  async (_what, of) => {
    const gateway = of()
    const asked: string[] = []
    for (const [path, allowed] of addresses(gateway)) {
      if (path === '/v1/some/thing') continue
      for (const method of methods.filter((one) => !allowed.has(one))) {
        const response = await ask(gateway, method, path)
        asked.push(path)
        expect([method, path, response.status]).toEqual([method, path, 405])
        expect(allowedBy(response)).toEqual([...allowed].toSorted())
        if (method === 'HEAD') continue
        const { error } = (await response.json()) as { error: { code: string; message: string } }
        expect(error.code).toBe('method_not_allowed')
        for (const one of allowed) expect(error.message).toContain(one)
      }
    }
    expect(new Set(asked)).toContain('/v1/models/some/thing')
    expect(new Set(asked).size).toBeGreaterThan(15)
  },
)

/* biome-ignore format: a table reads as a table */
test.each([
  ['POST',     '/v1/models/x',               'GET, HEAD'],
  ['POST',     '/v1/models/org/x?a=/health', 'GET, HEAD'],
  ['POST',     '/v1/models/org%2Fx',         'GET, HEAD'],
  ['POST',     '/v1/%6dodels',               'GET, HEAD'],
  ['DELETE',   '/admin/keys/key_1',          'GET, HEAD, PATCH'],
  ['GET',      '/admin/keys/key_1/revoke',   'POST'],
  ['DELETE',   '/admin/models/apply',        'GET, HEAD, POST'],
])('%s %s is the wrong method: %s', async (method, path, allow) => {
  const response = await ask(plain, method, path)
  expect(response.status).toBe(405)
  expect(allowedBy(response)).toEqual(allow.split(', '))
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['POST',     '/v1/nothing'],
  ['GET',      '/v1/nothing'],
  ['PUT',      '/v1/chat/completions/x'],
  ['POST',     '/v1/modelsx'],
  ['GET',      '/admin/keys/key_1/other'],
  ['POST',     '/xv1/models/x'],
  ['POST',     '/'],
])('%s %s is no route, with CORS or without', async (method, path) => {
  for (const gateway of [plain, withCors]) {
    const response = await ask(gateway, method, path)
    expect(response.status).toBe(404)
    expect(response.headers.get('allow')).toBeNull()
  }
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['/v1/models/x#%zz', '405'],
  ['/%zz',             '400'],
  ['*',                '404'],
])('the address %s is answered with %s', async (address, status) => {
  const { hostname, port } = new URL(plain.url)
  const socket = connect(Number(port), hostname)
  const head = ['host: x', 'connection: close', `authorization: Bearer ${testKey}`]
  socket.write(`POST ${address} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`)
  let text = ''
  for await (const piece of socket) text += piece
  expect(text.split(' ')[1]).toBe(status)
})
