// Everything before the body: request lines, addresses, methods, headers, media types, and the
// framing by which one request can be smuggled inside of another.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { testKey } from '../support/test-gateway.ts'
import { type Besieged, besiege, expectRefusal } from './besieged-gateway.ts'
import {
  chatRoute,
  chunked,
  modelRoutes,
  onEach,
  postRoutes,
  type Spelled,
  spell,
  usual,
} from './post-routes.ts'

let besieged: Besieged

beforeAll(async () => {
  besieged = await besiege()
})
afterEach(() => besieged.expectUnharmed())
afterAll(() => besieged[Symbol.asyncDispose]())

const good = JSON.stringify(chatRoute.good)
const authorization = `Authorization: Bearer ${testKey}`
const length = `Content-Length: ${good.length}`
const host = 'Host: podgate.test'
const json = 'Content-Type: application/json'

/* biome-ignore format: a table reads as a table */
const noHttp: [what: string, bytes: string | Buffer][] = [
  ['nonsense',                     'hostile-text\r\n\r\n'],
  ['only zeros',                   Buffer.alloc(100)],
  ['a TLS greeting',               Buffer.from('16030100c8010000c40303', 'hex')],
  ['an SSH greeting',              'SSH-2.0-OpenSSH_9.6\r\n'],
  ['a SOCKS greeting',             Buffer.from([5, 1, 0, 13, 10, 13, 10])],
  ['a PROXY greeting',             'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['HTTP/0.9',                     'GET /health\r\n\r\n'],
  ['HTTP/2',                       'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/3.0',                     'GET /health HTTP/3.0\r\nHost: x\r\n\r\n'],
  ['RTSP',                         'DESCRIBE / RTSP/1.0\r\nCSeq: 1\r\n\r\n'],
  ['RTSP to a route',              `SETUP /v1/models RTSP/1.0\r\n${host}\r\n${authorization}\r\n\r\n`],
  ['RTSP with a body',             `ANNOUNCE / RTSP/1.0\r\nContent-Length: 12\r\n\r\nhostile-text`],
  ['a method in small letters',    `get /health HTTP/1.1\r\n${host}\r\n\r\n`],
  ['a method of our own',          `BREW /health HTTP/1.1\r\n${host}\r\n\r\n`],
  ['no address',                   `GET HTTP/1.1\r\n${host}\r\n\r\n`],
  ['a blank in the address',       `GET /health hostile-text HTTP/1.1\r\n${host}\r\n\r\n`],
  ['a NUL in the address',         `GET /health\0 HTTP/1.1\r\n${host}\r\n\r\n`],
  ['a header without a colon',     `GET /health HTTP/1.1\r\n${host}\r\nhostile-text\r\n\r\n`],
  ['a header without a name',      `GET /health HTTP/1.1\r\n${host}\r\n: hostile-text\r\n\r\n`],
  ['a blank before the colon',     `GET /health HTTP/1.1\r\n${host}\r\nX-Hostile : 1\r\n\r\n`],
  ['a blank in a name',            `GET /health HTTP/1.1\r\n${host}\r\nX Hostile: 1\r\n\r\n`],
  ['a NUL in a value',             `GET /health HTTP/1.1\r\n${host}\r\nX-Hostile: a\0b\r\n\r\n`],
  ['a line end in a value',        `GET /health HTTP/1.1\r\n${host}\r\nX-Hostile: a\rb\r\n\r\n`],
  ['two different lengths',        spell(chatRoute, { extra: ['Content-Length: 1'] })],
  ['the same length twice',        spell(chatRoute, { extra: [length] })],
  ['a length and chunks',          spell(chatRoute, { extra: ['Transfer-Encoding: chunked'] })],
  ['chunks and a length',          spell(chatRoute, { lines: ['Transfer-Encoding: chunked', ...usual(chatRoute), length] })],
  ['a list of lengths',            spell(chatRoute, { lines: [...usual(chatRoute), 'Content-Length: 5, 5'] })],
  ['a negative length',            spell(chatRoute, { lines: [...usual(chatRoute), 'Content-Length: -1'] })],
  ['a length with a sign',         spell(chatRoute, { lines: [...usual(chatRoute), 'Content-Length: +5'] })],
  ['a hexadecimal length',         spell(chatRoute, { lines: [...usual(chatRoute), 'Content-Length: 0x10'] })],
  ['a length beyond 64 bits',      spell(chatRoute, { lines: [...usual(chatRoute), `Content-Length: ${'9'.repeat(30)}`] })],
  ['a length of words',            spell(chatRoute, { lines: [...usual(chatRoute), 'Content-Length: hostile-text'] })],
  ['chunks and then something',    spell(chatRoute, { lines: [...usual(chatRoute), 'Transfer-Encoding: chunked, gzip'] })],
  ['chunks twice',                 spell(chatRoute, { lines: [...usual(chatRoute), 'Transfer-Encoding: chunked, chunked'] })],
  ['a coding in disguise',         spell(chatRoute, { lines: [...usual(chatRoute), 'Transfer-Encoding: \x0bchunked'] })],
]

test.each(noHttp)('%s is answered with 400, and the connection ends', async (_what, bytes) => {
  using client = await besieged.connect()
  client.send(bytes)
  const answer = await client.answer()
  expectRefusal(answer, { status: 400, code: null, param: null })
  expect(answer.headers.get('connection')).toBe('close')
  await client.closed
  expect(client.text().split('HTTP/1.1 ')).toHaveLength(2)
})

/* biome-ignore format: a table reads as a table */
const badChunks: [what: string, body: string][] = [
  ['of no size',                   'hostile-text\r\n'],
  ['of a negative size',           '-5\r\nhello\r\n0\r\n\r\n'],
  ['of an endless size',           `${'f'.repeat(40)}\r\nhello\r\n0\r\n\r\n`],
  ['of a hexadecimal size',        '0x5\r\nhello\r\n0\r\n\r\n'],
  ['longer than its size',         '3\r\nhello\r\n0\r\n\r\n'],
  ['with endless extensions',      `5;${'a=b;'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
]

test.each(onEach(postRoutes, badChunks))(
  'a chunk %s is refused on %s',
  async (_1, _2, route, [, body]) => {
    using client = await besieged.connect()
    client.send(spell(route, { lines: [...usual(route), 'Transfer-Encoding: chunked'], body }))
    const answer = await client.answer()
    expectRefusal(answer, { status: 400, code: null, param: null })
    expect(answer.headers.get('connection')).toBe('close')
    await client.closed
  },
)

/* biome-ignore format: a table reads as a table */
const refusedHeads: [what: string, given: Spelled, status: number, param: string | null][] = [
  ['no host',                    { lines: [authorization, json, length] }, 400, 'host'],
  ['two hosts',                  { extra: ['Host: hostile-text'] }, 400, 'host'],
  ['two keys',                   { extra: ['Authorization: Bearer hostile-text'] }, 400, 'authorization'],
  ['two media types',            { extra: ['Content-Type: text/plain'] }, 400, 'content-type'],
  ['two codings of the body',    { extra: ['Content-Encoding: identity', 'Content-Encoding: gzip'] }, 400, 'content-encoding'],
  ['packed chunks',              { lines: [...usual(chatRoute), 'Transfer-Encoding: gzip, chunked'], body: chunked(['hostile-text']) }, 400, 'transfer-encoding'],
  ['an unknown coding',          { lines: [...usual(chatRoute), 'Transfer-Encoding: xchunked'], body: chunked(['hostile-text']) }, 400, 'transfer-encoding'],
  ['chunks in HTTP/1.0',         { version: 'HTTP/1.0', lines: [...usual(chatRoute), 'Connection: keep-alive', 'Transfer-Encoding: chunked'], body: chunked([good]) }, 400, 'transfer-encoding'],
  ['a coding in HTTP/1.0',       { version: 'HTTP/1.0', lines: [...usual(chatRoute), 'Connection: keep-alive', 'Transfer-Encoding: identity'], body: '' }, 400, 'transfer-encoding'],
  ['an unknown expectation',     { extra: ['Expect: hostile-text'] }, 417, 'expect'],
  ['101 headers',                { extra: Array.from({ length: 97 }, (_, at) => `X-${at}: 1`) }, 431, null],
  ['3000 headers',               { extra: Array.from({ length: 2996 }, () => 'a:') }, 431, null],
]

test.each(onEach(modelRoutes, refusedHeads))('%s is refused on %s', async (_1, _2, route, row) => {
  const [, given, status, param] = row
  using client = await besieged.connect()
  client.send(spell(route, given))
  const answer = await client.answer()
  expectRefusal(answer, { status, param })
  expect(answer.headers.get('connection')).toBe('close')
  await client.closed
})

/* biome-ignore format: a table reads as a table */
const tooLarge: [what: string, bytes: Buffer][] = [
  ['a header of 100 KB',         spell(chatRoute, { extra: [`X-Hostile: ${'hostile-text'.repeat(9_000)}`] })],
  ['a key of 100 KB',            spell(chatRoute, { lines: [host, `Authorization: Bearer ${'k'.repeat(100_000)}`, json, length] })],
  ['a name of 100 KB',           spell(chatRoute, { extra: [`${'X'.repeat(100_000)}: 1`] })],
  ['many headers of 20 KB in all', spell(chatRoute, { extra: Array.from({ length: 20 }, (_, at) => `X-${at}: ${'x'.repeat(1000)}`) })],
  ['an address of 100 KB',       spell(chatRoute, { target: `/v1/${'x'.repeat(100_000)}` })],
  ['a query of 100 KB',          spell(chatRoute, { target: `${chatRoute.path}?a=${'x'.repeat(100_000)}` })],
]

test.each(tooLarge)('%s is refused, and the connection ends', async (_what, bytes) => {
  using client = await besieged.connect()
  client.send(bytes)
  expectRefusal(await client.answer(), { status: 431, code: 'headers_too_large' })
  await client.closed
})

/* biome-ignore format: a table reads as a table */
const mediaTypes: [given: string, status: 200 | 415][] = [
  ['application/json', 200], ['APPLICATION/JSON', 200], ['application/json; charset=utf-8', 200], ['application/json;charset=UTF8', 200],
  ['application/json; charset="utf-8"', 200], ['application/json; profile=hostile', 200],
  ['', 415], ['text/plain', 415], ['text/json', 415], ['application/x-www-form-urlencoded', 415], ['multipart/form-data; boundary=x', 415],
  ['application/octet-stream', 415], ['application/json; charset=utf-16', 415], ['application/json; charset=latin1', 415],
  ['application/json; x=1; charset="utf-32"', 415], ['application/jsonp', 415], ['application/json/x', 415],
  ['application/json, text/plain', 415], ['application', 415], [';;;', 415], ['*/*', 415], ['hostile-text/\xff', 415],
]

test.each(onEach(postRoutes.slice(0, 3), mediaTypes))(
  'the media type %j on %s',
  async (given, _path, route, [, status]) => {
    const body = JSON.stringify(route.good)
    const lines = [host, authorization, `Content-Type: ${given}`, `Content-Length: ${body.length}`]
    const answer = await besieged.ask(spell(route, { lines, body }))
    if (status === 200) expect(answer.status).toBe(200)
    else expectRefusal(answer, { status, code: 'unsupported_media_type', param: 'content-type' })
  },
)

/* biome-ignore format: a table reads as a table */
const encodings: [given: string, status: 200 | 415][] = [
  ['gzip', 415], ['deflate', 415], ['br', 415], ['zstd', 415], ['GZIP', 415], ['identity, gzip', 415], ['hostile-text', 415], ['identity', 200],
]

test.each(onEach(postRoutes.slice(0, 3), encodings))(
  'the coding %s on %s',
  async (given, _path, route, [, status]) => {
    const answer = await besieged.ask(spell(route, { extra: [`Content-Encoding: ${given}`] }))
    if (status === 200) expect(answer.status).toBe(200)
    else
      expectRefusal(answer, { status, code: 'unsupported_media_type', param: 'content-encoding' })
  },
)

/* biome-ignore format: a table reads as a table */
const methods: [method: string][] = [
  ['GET'], ['PUT'], ['PATCH'], ['DELETE'], ['OPTIONS'], ['TRACE'], ['PROPFIND'], ['LOCK'], ['QUERY'], ['M-SEARCH'], ['LINK'],
]

test.each(onEach(modelRoutes, methods))(
  '%s on %s is the wrong method',
  async (method, _path, route) => {
    const answer = await besieged.ask(spell(route, { method }))
    expectRefusal(answer, { status: 405, code: 'method_not_allowed' })
    expect(answer.headers.get('allow')).toBe('POST')
  },
)

test('PUT on a route that is named with its whole address is the wrong method', async () => {
  const answer = await besieged.ask(
    spell(chatRoute, { method: 'PUT', target: `http://x${chatRoute.path}?a` }),
  )
  expectRefusal(answer, { status: 405, code: 'method_not_allowed' })
  expect(answer.headers.get('allow')).toBe('POST')
})

test('HEAD on a route that takes a body is refused without a body', async () => {
  const answer = await besieged.ask(spell(chatRoute, { method: 'HEAD' }), { hasBody: false })
  expect(answer.status).toBe(405)
})

test('CONNECT is hung up on', async () => {
  using client = await besieged.connect()
  client.send(`CONNECT hostile-text:443 HTTP/1.1\r\n${host}\r\n\r\n`)
  await client.closed
  expect(client.text()).toBe('')
})

test('an offer to speak something else is passed over', async () => {
  const extra = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk']
  expect((await besieged.ask(spell(chatRoute, { extra }))).status).toBe(200)
  const socket = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==',
  ]
  expect((await besieged.ask(spell(chatRoute, { extra: socket }))).status).toBe(200)
})

/* biome-ignore format: a table reads as a table */
const addresses: [target: string, status: number][] = [
  [`http://hostile-text${chatRoute.path}`, 200], [`${chatRoute.path}?`, 200], [`${chatRoute.path}?model=hostile-text&stream=true`, 200],
  [`${chatRoute.path}/`, 404], [`/${chatRoute.path}`, 404], [`${chatRoute.path}%00`, 404], [`${chatRoute.path}%0d%0aX-Injected:1`, 404],
  ['/v1/../v1/chat/completions', 404], ['/v1/%2e%2e/admin/keys', 404], ['/V1/CHAT/COMPLETIONS', 404], ['/v1/chat%2Fcompletions', 404],
  ['/v1/chat\\completions', 404], ['/v1/chat/completions;hostile-text=1', 404], ['/../../etc/passwd', 404], ['/%', 400], ['/%zz', 400], ['/%c0%af', 400],
  ['/v1/hostile-text', 404], [`/v1/${'x'.repeat(10_000)}`, 404], ['*', 404], ['/', 404], ['//hostile-text/', 404],
  ['/__proto__', 404], ['/constructor', 404], ['/health', 405], ['/v1/models', 405],
]

test.each(addresses)('POST %j', async (target, status) => {
  const answer = await besieged.ask(spell(chatRoute, { target }))
  if (status === 200) expect(answer.status).toBe(200)
  else expectRefusal(answer, { status })
  expect(answer.headers.has('x-injected')).toBe(false)
})

/* biome-ignore format: a table reads as a table */
const harmlessHeads: [what: string, given: Spelled][] = [
  ['a header without a value',   { extra: ['X-Empty:'] }],
  ['a header of foreign letters', { extra: ['X-Foreign: \xe9\xff'] }],
  ['100 headers',                { extra: Array.from({ length: 96 }, (_, at) => `X-${at}: 1`) }],
  ['a hostile host',             { lines: ['Host: hostile-text@127.0.0.1:1/../?#', authorization, json, length] }],
  ['an empty host',              { lines: ['Host:', authorization, json, length] }],
  ['HTTP/1.0 without a host',    { version: 'HTTP/1.0', lines: [authorization, json, length] }],
  ['HTTP/1.0 that stays',        { version: 'HTTP/1.0', extra: ['Connection: keep-alive'] }],
  ['headers of a proxy',         { extra: ['Forwarded: for=hostile-text', 'X-Real-IP: hostile-text', 'X-Forwarded-Host: hostile-text', 'X-Original-URL: /admin/keys', 'X-HTTP-Method-Override: DELETE'] }],
  ['a broken traceparent',       { extra: ['traceparent: hostile-text', 'tracestate: hostile-text', 'baggage: hostile-text'] }],
  ['broken SDK headers',         { extra: ['x-stainless-timeout: NaN', 'x-stainless-read-timeout: -1', 'x-stainless-retry-count: hostile-text'] }],
  ['a broken id',                { extra: ['x-request-id: hostile-text with blanks; and=more'] }],
  ['headers of an answer',       { extra: ['x-podgate-model: hostile-text', 'x-ratelimit-limit-requests: hostile-text', 'set-cookie: hostile-text'] }],
  ['chunks',                     { lines: [...usual(chatRoute), 'Transfer-Encoding: chunked'], body: chunked([...good]) }],
  ['chunks in capitals',         { lines: [...usual(chatRoute), 'Transfer-Encoding: Chunked'], body: chunked([good]) }],
  ['chunks with a trailer',      { lines: [...usual(chatRoute), 'Transfer-Encoding: chunked', 'Trailer: Authorization'], body: chunked([good]).replace(/\r\n$/, 'Authorization: Bearer hostile-text\r\n\r\n') }],
]

test.each(harmlessHeads)('%s does no harm', async (_what, given) => {
  const answer = await besieged.ask(spell(chatRoute, given))
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status: 200 })
  expect(JSON.stringify([...answer.headers])).not.toContain('hostile-text')
  expect(besieged.upstream.calls.at(-1)?.request.headers).not.toHaveProperty('x-hostile')
  expect(JSON.stringify(besieged.upstream.calls.at(-1)?.request.headers)).not.toContain(
    'hostile-text',
  )
})

test('a stream in HTTP/1.0 is sent without chunks, and ends with the connection', async () => {
  using client = await besieged.connect()
  const body = JSON.stringify({ ...chatRoute.good, stream: true })
  client.send(spell(chatRoute, { version: 'HTTP/1.0', body }))
  await client.closed
  const [head = '', ...events] = client.text().split('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1\.1 200 OK/)
  expect(head.toLowerCase()).not.toContain('transfer-encoding')
  expect(events.join('')).toMatch(/^data: \{.*data: \[DONE\]\n\n$/s)
})
