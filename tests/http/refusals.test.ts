// Requests that never become a call: one envelope for all of them, with our id on it.
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { openRaw } from '../hostile/raw-client.ts'
import { chat, testKey } from '../support/test-gateway.ts'
import { bodyOf, type Door, openDoor } from './door.ts'

const bodyBytesMax = 2048

const authorization = `Bearer ${testKey}`
const completions = '/v1/chat/completions'
const json = { 'content-type': 'application/json' }

function open(): Promise<Door> {
  return openDoor({ http: { bodyBytesMax } })
}

function asking({ ask }: Door) {
  return (method: string, path: string, init: RequestInit = {}) => {
    const headers = { authorization, ...Object.fromEntries(new Headers(init.headers)) }
    return ask(method, path, { ...init, headers })
  }
}

async function expectRefusal(response: Response, status: number, error: object): Promise<void> {
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{20,}$/)
  const body = await bodyOf(response)
  expect(Object.keys(body)).toEqual(['error'])
  expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type'])
  expect(body.error).toMatchObject({ type: 'invalid_request_error', ...error })
}

const large = JSON.stringify(chat({ padding: 'x'.repeat(bodyBytesMax) }))

function inPieces(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of text.match(/.{1,500}/g) ?? []) {
        controller.enqueue(new TextEncoder().encode(piece))
      }
      controller.close()
    },
  })
}

/* biome-ignore format: a table reads as a table */
test.each([
  ['an unknown route',          'GET',    '/v1/nothing',        {},                                        404, { code: 'unknown_url' }],
  ['an unknown route, posted',  'POST',   '/v1/nothing',        { headers: json, body: '{}' },             404, { code: 'unknown_url' }],
  ['a route below a route',     'POST',   `${completions}/x`,   { headers: json, body: '{}' },             404, { code: 'unknown_url' }],
  ['the wrong method',          'GET',    completions,          {},                                        405, { code: 'method_not_allowed' }],
  ['the wrong method, a query', 'PUT',    `${completions}?a=1`, { headers: json, body: '{}' },             405, { code: 'method_not_allowed' }],
  ['a method of no route',      'DELETE', '/v1/models',         {},                                        405, { code: 'method_not_allowed' }],
  ['too large a body',          'POST',   completions,          { headers: json, body: large },            413, { code: 'request_too_large' }],
  ['the wrong media type',      'POST',   completions,          { headers: { 'content-type': 'text/plain' }, body: '{}' }, 415, { code: 'unsupported_media_type' }],
  ['a form',                    'POST',   completions,          { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=1' }, 415, { code: 'unsupported_media_type' }],
  ['no body',                   'POST',   completions,          { headers: json },                         400, { code: 'invalid_json' }],
  ['no body and no type',       'POST',   completions,          {},                                        400, { code: 'invalid_json' }],
  ['half a JSON',               'POST',   completions,          { headers: json, body: '{"model":' },      400, { code: 'invalid_json' }],
  ['a compressed body',         'POST',   completions,          { headers: { ...json, 'content-encoding': 'gzip' }, body: Buffer.from([31, 139, 8, 0]) }, 415, { code: 'unsupported_media_type', param: 'content-encoding' }],
  ['no messages',               'POST',   completions,          { headers: json, body: '{"model":"test-model"}' }, 400, { code: null, param: 'messages' }],
  ['a deadline of words',       'POST',   completions,          { headers: { ...json, 'x-podgate-deadline-ms': 'soon' }, body: JSON.stringify(chat()) }, 400, { code: null, param: 'x-podgate-deadline-ms' }],
  ['an address of half escapes', 'GET',   '/v1/models/%zz',     {},                                        400, { code: null }],
  ['an id of endless length',   'GET',    `/v1/models/${'x'.repeat(3000)}`, {},                            404, {}],
] as const)('%s is refused', async (_what, method, path, init, status, error) => {
  await expectRefusal(await asking(await open())(method, path, init as RequestInit), status, error)
})

test('a body of unknown length is refused when it has become too large', async () => {
  const init = { headers: json, body: inPieces(large), duplex: 'half' } as RequestInit
  await expectRefusal(await asking(await open())('POST', completions, init), 413, {
    code: 'request_too_large',
  })
})

test('a body of unknown length that is small enough is a body', async () => {
  const init = {
    headers: json,
    body: inPieces(JSON.stringify(chat())),
    duplex: 'half',
  } as RequestInit
  expect((await asking(await open())('POST', completions, init)).status).toBe(200)
})

test('JSON with a character set is JSON', async () => {
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  const response = await asking(await open())('POST', completions, {
    headers,
    body: JSON.stringify(chat()),
  })
  expect(response.status).toBe(200)
})

test('the wrong method is told the right ones', async () => {
  const response = await asking(await open())('GET', completions)
  expect(response.headers.get('allow')).toBe('POST')
  expect((await bodyOf(response)).error.message).toContain('POST')
})

describe('a request’s id', () => {
  test('is ours on the answer; the client’s own is kept beside it in the log', async () => {
    const door = await open()
    const response = await asking(door)('GET', '/v1/nothing', {
      headers: { 'x-request-id': 'my-id:1.a_b' },
    })
    const id = response.headers.get('x-request-id')
    expect(id).toMatch(/^req_/)
    const line = door.gateway.logLines().find(({ request_id }) => request_id === id)
    expect(line).toMatchObject({ client_request_id: 'my-id:1.a_b', event: 'refused', status: 404 })
  })

  test.each(['x'.repeat(65), 'with space', 'a"b', 'a;b'])(
    'of the client is dropped when it is %j',
    async (given) => {
      const door = await open()
      const response = await asking(door)('GET', '/v1/nothing', {
        headers: { 'x-request-id': given },
      })
      const id = response.headers.get('x-request-id')
      const line = door.gateway.logLines().find(({ request_id }) => request_id === id)
      expect(line?.client_request_id).toBeNull()
    },
  )
})

describe('the line of a refusal', () => {
  const lineOf = async (door: Door, response: Response) => {
    const request_id = response.headers.get('x-request-id')
    return await door.gateway.logged({ request_id })
  }

  test('names the parameter', async () => {
    const door = await open()
    const body = JSON.stringify(chat({ temperature: 'hot' }))
    const response = await asking(door)('POST', completions, { headers: json, body })
    const line = await lineOf(door, response)
    expect(line).toMatchObject({ level: 'info', status: 400, param: 'temperature' })
    expect(line).not.toHaveProperty('address')
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['a wrong key',       { authorization: 'Bearer a-wrong-key-0123456789' }, [401, 401, 429]],
    ['no key',            { authorization: '' },                              [401, 401, 429]],
  ])('names the address of %s', async (_what, headers, statuses) => {
    const door = await openDoor({ http: { failuresPerMinute: 2 } })
    for (const status of statuses) {
      const response = await asking(door)('GET', '/v1/models', { headers })
      const line = await lineOf(door, response)
      expect(line).toMatchObject({ level: 'info', status, param: null, address: '127.0.0.1' })
    }
  })

  test('of an overload has no stack: there may be many', async () => {
    const door = await openDoor({ http: { inflightBodyBytesMax: 1024 } })
    using client = await openRaw(door.gateway.url)
    const length = 'Content-Length: 2000\r\nContent-Type: application/json'
    const head = `POST ${completions} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}`
    client.send(`${head}\r\n${length}\r\n\r\n${' '.repeat(1999)}`)
    for (let at = 0; at < 3; at += 1) await door.ask('GET', '/health')
    const body = JSON.stringify(chat())
    const response = await asking(door)('POST', completions, { headers: json, body })
    expect(response.status).toBe(429)
    const line = await lineOf(door, response)
    expect(line).toMatchObject({ level: 'info', event: 'refused', error_code: 'capacity' })
    expect(line).not.toHaveProperty('cause')
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['no-such-model',                          'no-such-model'],
    ['Write me a poem, with\nwords \u001b[31m', '?'],
    ['x'.repeat(200),                          '?'],
  ])('of an unknown model tells it only where it looks like one: %j', async (model, logged) => {
    const door = await open()
    const body = JSON.stringify(chat({ model }))
    const response = await asking(door)('POST', completions, { headers: json, body })
    expect(response.status).toBe(404)
    expect(await lineOf(door, response)).toMatchObject({ event: 'call', model: logged })
  })
})

describe('what is no HTTP', () => {
  /* biome-ignore format: a table reads as a table */
  test.each([
    ['nonsense',                'HELLO THERE\r\n\r\n',                                           '400 Bad Request'],
    ['a TLS greeting',          '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n',                          '400 Bad Request'],
    ['two lengths',             'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', '400 Bad Request'],
    ['a length and chunks',     'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', '400 Bad Request'],
    ['endless headers',         `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(40_000)}\r\n\r\n`, '431 Request Header Fields Too Large'],
  ])('%s is answered in the same envelope, and the connection ends', async (_what, text, status) => {
    const { gateway } = await open()
    const answer = await rawAnswer(gateway.url, text)
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    expect(head.split('\r\n')[0]).toBe(`HTTP/1.1 ${status}`)
    expect(head).toMatch(/\r\nx-request-id: req_[0-9a-f]{20,}\r\n/)
    expect(head).toMatch(/\r\nconnection: close\r\n/)
    expect(JSON.parse(body).error).toMatchObject({ type: 'invalid_request_error', param: null })
    expect(body).not.toContain('HELLO')
  })
})

/** Everything that comes back until the connection ends. */
function rawAnswer(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const pieces: string[] = []
    const socket = connect(Number(port), hostname, () => socket.write(text))
    socket.setEncoding('utf8')
    socket.on('data', (piece: string) => pieces.push(piece))
    socket.on('end', () => socket.end())
    socket.on('close', () => resolve(pieces.join('')))
    socket.on('error', reject)
  })
}
