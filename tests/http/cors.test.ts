// Browser clients of other origins: nobody unless configured, and then exactly those.
import { describe, expect, test } from 'vitest'
import { openRaw, type RawClient } from '../hostile/raw-client.ts'
import { chat, testKey } from '../support/test-gateway.ts'
import { type Door, openDoor } from './door.ts'

const app = 'https://app.example'
const completions = '/v1/chat/completions'

const preflight = (origin: string) => ({
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,x-stainless-os',
  },
})

function post({ ask }: Door, origin: string, key = testKey, body: object = chat()) {
  return ask('POST', completions, {
    headers: { origin, authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

function corsHeaders(response: Response): string[] {
  return [...response.headers.keys()].filter((name) => name.startsWith('access-control-'))
}

describe('without configured origins', () => {
  test('a preflight needs a key like everything else', async () => {
    const response = await (await openDoor()).ask('OPTIONS', completions, preflight(app))
    expect(response.status).toBe(401)
    expect(corsHeaders(response)).toEqual([])
  })

  test('an answer allows no page to read it', async () => {
    const response = await post(await openDoor(), app)
    expect(response.status).toBe(200)
    expect(corsHeaders(response)).toEqual([])
    expect(response.headers.get('vary')).toBeNull()
  })
})

describe('with a list of origins', () => {
  const open = () =>
    openDoor({
      http: { corsOrigins: [app, 'http://localhost:3000'] },
      limits: { tokensPerMinute: 1_000_000 },
    })

  test('a preflight of one of them is answered without a key and without asking anybody', async () => {
    const door = await open()
    const response = await door.ask('OPTIONS', completions, preflight(app))
    expect(response.status).toBe(204)
    expect(await response.text()).toBe('')
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': 'authorization, *',
      'access-control-max-age': '600',
      vary: 'origin',
    })
    expect(response.headers.has('access-control-allow-credentials')).toBe(false)
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
    expect(door.upstream.calls).toEqual([])
  })

  test('a preflight that names the whole address is one as well', async () => {
    const { gateway } = await open()
    using client = await openRaw(gateway.url)
    client.send(`OPTIONS http://x${completions} HTTP/1.1\r\nHost: x\r\nOrigin: ${app}\r\n\r\n`)
    const answer = await client.answer()
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe(app)
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['https://evil.example'], [`${app}.evil.example`], ['http://app.example'], [`${app}:8443`], ['null'], ['*'], [app.toUpperCase()], [''],
  ])('a preflight of %j needs a key', async (origin) => {
    const response = await (await open()).ask('OPTIONS', completions, preflight(origin))
    expect(response.status).toBe(401)
    expect(corsHeaders(response)).toEqual([])
    expect(response.headers.get('vary')).toBe('origin')
  })

  test.each([[false], [true]])(
    'an answer may be read by its page, streamed: %s',
    async (stream) => {
      const response = await post(await open(), app, testKey, chat({ stream }))
      expect(response.status).toBe(200)
      await response.text()
      expect(response.headers.get('access-control-allow-origin')).toBe(app)
      expect(response.headers.get('vary')).toBe('origin')
      const exposed = response.headers.get('access-control-expose-headers')?.split(', ') ?? []
      const ours = [...response.headers.keys()].filter((name) => name.startsWith('x-'))
      // Spoken by the server to the proxies between, not to the page.
      expect(exposed).toEqual(
        expect.arrayContaining(ours.filter((it) => it !== 'x-accel-buffering')),
      )
    },
  )

  test('a refusal may be read as well', async () => {
    const response = await post(await open(), app, 'a-wrong-key-0123456789')
    expect(response.status).toBe(401)
    expect(response.headers.get('access-control-allow-origin')).toBe(app)
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['whose address cannot be read', `GET /v1/%zz HTTP/1.1\r\nHost: x`, 400],
    ['without a host',               'GET /v1/models HTTP/1.1', 400],
    ['of two keys',                  'GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: 1\r\nAuthorization: 2', 400],
    ['that names the whole address', 'GET http://x/v1/models HTTP/1.1\r\nHost: x', 401],
  ])('so may that of a request %s', async (_what, head, status) => {
    const { gateway } = await open()
    using client = await openRaw(gateway.url)
    client.send(`${head}\r\nOrigin: ${app}\r\n\r\n`)
    const answer = await client.answer()
    expect(answer.status).toBe(status)
    expect(answer.headers.get('access-control-allow-origin')).toBe(app)
    expect(answer.headers.get('vary')).toBe('origin')
  })

  test('an answer to another origin may not', async () => {
    const response = await post(await open(), 'https://evil.example')
    expect(response.status).toBe(200)
    expect(corsHeaders(response)).toEqual([])
    expect(response.headers.get('vary')).toBe('origin')
  })

  test.each(['/admin/keys', '/metrics', '/health', '/nothing'])(
    '%s is for no foreign page',
    async (path) => {
      const { ask } = await open()
      expect((await ask('OPTIONS', path, preflight(app))).status).not.toBe(204)
      expect(corsHeaders(await ask('GET', path, { headers: { origin: app } }))).toEqual([])
    },
  )
})

describe('a preflight with a body', () => {
  /* biome-ignore format: a table reads as a table */
  const framings: [how: string, lines: string, piece: string][] = [
    ['of a length',     'Content-Length: 1000000', 'x'.repeat(1000)],
    ['in chunks',       'Transfer-Encoding: chunked', `3e8\r\n${'x'.repeat(1000)}\r\n`],
  ]

  async function ask(origin: string, lines: string): Promise<RawClient> {
    const { gateway } = await openDoor({ http: { corsOrigins: [app] } })
    const client = await openRaw(gateway.url)
    const head = `OPTIONS ${completions} HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}`
    client.send(`${head}\r\nContent-Type: application/json\r\n${lines}\r\n\r\n`)
    return client
  }

  test.each(framings)('%s is answered before it, which is held by nobody', async (...given) => {
    const [, lines, piece] = given
    using client = await ask(app, lines)
    client.send(piece)
    expect((await client.answer()).status).toBe(204)
    // Nor is there an end to wait for.
    await client.closed
  })

  test('of a stranger is refused before it', async () => {
    using client = await ask('https://evil.example', 'Content-Length: 1000000')
    expect((await client.answer()).status).toBe(401)
  })

  test('that is no JSON is passed over, and the next request is read', async () => {
    using client = await ask(app, 'Content-Length: 3')
    client.send('{{{')
    expect((await client.answer()).status).toBe(204)
    client.send(`GET /health HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect((await client.answer()).status).toBe(200)
  })
})

test('with every origin allowed, every origin is told so, and no credentials are', async () => {
  const door = await openDoor({ http: { corsOrigins: ['*'] } })
  for (const origin of [app, 'https://other.example', 'null']) {
    const asked = await door.ask('OPTIONS', completions, preflight(origin))
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-origin')).toBe('*')
    expect(asked.headers.has('access-control-allow-credentials')).toBe(false)
  }
  expect((await door.ask('OPTIONS', completions)).status).toBe(401)
})

/* biome-ignore format: a table reads as a table */
test.each([['app.example'], ['https://app.example/'], ['https://app.example/path'], ['ftp://app.example'], [''], ['https://*.example https://x']])(
  'the origin %j is a mistake of configuration',
  async (origin) => {
    await expect(openDoor({ http: { corsOrigins: [origin] } })).rejects.toThrow()
  },
)
