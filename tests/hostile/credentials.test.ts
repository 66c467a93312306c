// Keys of odd shapes, keys in odd places, and headers that ask for what is not theirs to ask.
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { testKey } from '../support/test-gateway.ts'
import { type Besieged, besiege, expectRefusal } from './besieged-gateway.ts'
import {
  adminRoute,
  chatRoute,
  modelRoutes,
  onEach,
  type PostRoute,
  postRoutes,
  spell,
} from './post-routes.ts'

let besieged: Besieged

beforeAll(async () => {
  besieged = await besiege()
})
afterEach(() => besieged.expectUnharmed())
afterAll(() => besieged[Symbol.asyncDispose]())

const host = 'Host: podgate.test'
const json = 'Content-Type: application/json'

function withLines(route: PostRoute, lines: readonly string[], target = route.path): Buffer {
  const body = JSON.stringify(route.good)
  return spell(route, { lines: [host, json, `Content-Length: ${body.length}`, ...lines], target })
}

/* biome-ignore format: a table reads as a table */
const noKeys: [what: string, lines: string[]][] = [
  ['no key',                     []],
  ['an empty header',            ['Authorization:']],
  ['a word without a key',       ['Authorization: Bearer']],
  ['blanks for a key',           ['Authorization: Bearer     ']],
  ['a bare key',                 [`Authorization: ${testKey}`]],
  ['another scheme',             [`Authorization: Basic ${Buffer.from(`:${testKey}`).toString('base64')}`]],
  ['a scheme of our own',        [`Authorization: Token ${testKey}`]],
  ['two words for a key',        [`Authorization: Bearer ${testKey} hostile-text`]],
  ['a list of keys',             [`Authorization: Bearer hostile-text, Bearer ${testKey}`]],
  ['a tab for a blank',          [`Authorization: Bearer\t${testKey}`]],
  ['a key in a cookie',          [`Cookie: authorization=Bearer ${testKey}; api_key=${testKey}`]],
  ['a key in another header',    [`X-API-Key: ${testKey}`, `api-key: ${testKey}`, `Proxy-Authorization: Bearer ${testKey}`]],
]

test.each(onEach(postRoutes, noKeys))(
  '%s is no key on %s',
  async (_what, _path, route, [, lines]) => {
    expectRefusal(
      await besieged.ask(withLines(route, lines)),
      { status: 401, code: 'invalid_api_key' },
      testKey,
    )
  },
)

/* biome-ignore format: a table reads as a table */
const wrongKeys: [what: string, key: string][] = [
  ['an unknown key',             'hostile-text'],
  ['a key with a tail',          `${testKey}x`],
  ['a key cut short',            testKey.slice(0, -1)],
  ['a key in capitals',          testKey.toUpperCase()],
  ['a key in quotes',            `"${testKey}"`],
  ['a key in escapes',           testKey.replace('-', '%2D')],
  ['a key of foreign letters',   `${testKey}\xe9\xff`],
  ['a key of 12 KB',             'hostile-text'.repeat(1_000)],
  ['a key that is a name',       '__proto__'],
  ['a key that is a pattern',    'test-key-.*'],
  ['a key that is SQL',          "'OR'1'='1"],
]

test.each(onEach(postRoutes, wrongKeys))(
  '%s opens nothing on %s',
  async (_what, _path, route, [, key]) => {
    const answer = await besieged.ask(withLines(route, [`Authorization: Bearer ${key}`]))
    expectRefusal(answer, { status: 401, code: 'invalid_api_key', param: null })
    expect(answer.body).not.toContain(key)
  },
)

/* biome-ignore format: a table reads as a table */
test.each([
  [`${chatRoute.path}?api_key=${testKey}`], [`${chatRoute.path}?key=${testKey}`], [`${chatRoute.path}?access_token=${testKey}`],
  [`${chatRoute.path}?authorization=Bearer%20${testKey}`], [`http://user:${testKey}@podgate.test${chatRoute.path}`],
])('a key in the address is none, and is not said back: %s', async (target) => {
  expectRefusal(await besieged.ask(withLines(chatRoute, [], target)), { status: 401 }, testKey)
  expect(JSON.stringify(besieged.gateway.logLines())).not.toContain(testKey)
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['small letters', `authorization: bearer ${testKey}`], ['capitals', `AUTHORIZATION: BEARER ${testKey}`], ['blanks around it', `Authorization:   Bearer   ${testKey}  `],
])('a key is a key in %s', async (_what, line) => {
  expect((await besieged.ask(withLines(chatRoute, [line]))).status).toBe(200)
})

test('a route that is none asks for a key first', async () => {
  expectRefusal(await besieged.ask(withLines(chatRoute, [], '/v1/hostile-text')), { status: 401 })
})

test('a key for calls opens no admin route', async () => {
  const answer = await besieged.ask(spell({ ...adminRoute, key: testKey }))
  expectRefusal(answer, { status: 403, code: 'insufficient_scope' })
})

/* biome-ignore format: a table reads as a table */
const deadlines: [given: string][] = [
  ['-1'], ['0'], ['-0'], ['NaN'], ['Infinity'], ['1e999'], ['hostile-text'], [''], ['5, 5'], ['5;x=1'], ['0xZZ'], ['0x10'], ['1e3'], ['+5'], ['5 0'], ['5.5'], ['5_000'], ['\xff'], ['9'.repeat(400)],
]

test.each(onEach(modelRoutes, deadlines))(
  'the deadline %j is refused on %s',
  async (given, _path, route) => {
    const answer = await besieged.ask(spell(route, { extra: [`x-podgate-deadline-ms: ${given}`] }))
    expectRefusal(answer, { status: 400, param: 'x-podgate-deadline-ms' })
  },
)

test('a deadline beyond all bounds changes nothing', async () => {
  const answer = await besieged.ask(
    spell(chatRoute, { extra: [`x-podgate-deadline-ms: ${'9'.repeat(50)}`] }),
  )
  expect(answer.status).toBe(200)
})

/* biome-ignore format: a table reads as a table */
const ids: [given: string][] = [
  ['hostile-text with blanks'], ['"hostile-text"'], ['x'.repeat(65)], ['\x24{jndi:hostile-text}'], ['<b>'], ['\x1b[31mred'], ['a\tb'], ['{"a":1}'],
]

test.each(ids)('the id %j is neither said back nor logged', async (given) => {
  const answer = await besieged.ask(spell(chatRoute, { extra: [`X-Request-Id: ${given}`] }))
  expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{20,}$/)
  const line = await besieged.gateway.logged({ request_id: answer.headers.get('x-request-id') })
  expect(line.client_request_id).toBeNull()
})

describe('an address that keeps failing', () => {
  const failuresPerMinute = 3
  const proxy = { trustProxy: ['127.0.0.0/8', '::1'] }
  const wrong = ['Authorization: Bearer hostile-text']
  const from = (address: string) => [...wrong, `X-Forwarded-For: ${address}`]

  async function limited(http = {}): Promise<Besieged> {
    const own = await besiege({ http: { failuresPerMinute, ...http } })
    onTestFinished(() => own[Symbol.asyncDispose]())
    return own
  }

  async function statuses(own: Besieged, requests: readonly string[][]): Promise<number[]> {
    const answers: number[] = []
    for (const lines of requests) {
      const answer = await own.ask(withLines(chatRoute, lines))
      expectRefusal(answer, { status: answer.status })
      answers.push(answer.status)
    }
    return answers
  }

  test('is told to wait, and a good key from there still works', async () => {
    const own = await limited()
    expect(await statuses(own, [wrong, wrong, wrong, wrong])).toEqual([401, 401, 401, 429])
    const refused = await own.ask(withLines(chatRoute, wrong))
    expectRefusal(refused, { status: 429, code: 'rate_limit_exceeded' })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await own.ask(spell(chatRoute))).status).toBe(200)
  })

  test('is not somebody else by saying so', async () => {
    const forged = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map(from)
    expect(await statuses(await limited(), forged)).toEqual([401, 401, 401, 429])
  })

  test('is the one that a trusted proxy names, and others behind it are not touched', async () => {
    const own = await limited(proxy)
    const one = Array.from({ length: 4 }, () => from('10.0.0.1'))
    expect(await statuses(own, one)).toEqual([401, 401, 401, 429])
    expect(await statuses(own, [from('10.0.0.2')])).toEqual([401])
  })

  test('cannot put itself before the address that a trusted proxy saw', async () => {
    const own = await limited(proxy)
    const forged = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'].map((it) => from(`${it}, 10.0.0.1`))
    expect(await statuses(own, forged)).toEqual([401, 401, 401, 429])
  })

  test('does not get away by another address of its own IPv6 network', async () => {
    const own = await limited(proxy)
    const near = [1, 2, 3, 4].map((it) => from(`2001:db8:1:2::${it}`))
    expect(await statuses(own, near)).toEqual([401, 401, 401, 429])
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['1.2.3.4',       '1.2.3.4:5555', '1.2.3.4:6666'],
    ['[2001:db8::1]', '2001:db8::1',  '[2001:db8::2]:80'],
  ])('does not become another one by the port behind it: %s', async (...addresses) => {
    const own = await limited(proxy)
    expect(await statuses(own, [...addresses, ...addresses].map(from))).toEqual([
      401, 401, 401, 429, 429, 429,
    ])
    expect(await statuses(own, [from('1.2.3.5:5555')])).toEqual([401])
  })

  test('is nobody’s when its client has reset the connection, which is no mistake of ours', async () => {
    const own = await limited()
    for (let at = 0; at < 50; at += 1) {
      const client = await own.connect()
      client.send(withLines(chatRoute, wrong))
      client.socket.resetAndDestroy()
      await client.closed
    }
    await own.expectUnharmed()
    const errors = own.gateway.logLines().filter(({ level }) => level === 'error')
    expect(errors).toEqual([])
  })

  test.each(['hostile-text', '', ',,,', '999.1.1.1', '127.0.0.1:80', '[::1', 'x'.repeat(90)])(
    'is one address however it is written by a proxy: %s',
    async (given) => {
      const own = await limited(proxy)
      expect(
        await statuses(
          own,
          Array.from({ length: 4 }, () => from(given)),
        ),
      ).toEqual([401, 401, 401, 429])
    },
  )
})
