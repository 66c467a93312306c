// The routes below `/__control` need no key, so they refuse everything that a page in a browser
// could send. `/__control/cold` is also tried with good and bad bodies.
import { expect, test } from 'vitest'
import { runSimulator } from '../support/running.ts'

const simulator = runSimulator()

test.each([
  ['an endpoint that is there', { endpoint: 'sim-phi' }, 200],
  ['all endpoints', {}, 200],
  ['an endpoint that is not there', { endpoint: 'nope' }, 404],
  ['what is no request', '{"endpoint"', 400],
])('making %s cold', async (_, body, status) => {
  expect((await simulator.call('/__control/cold', body)).status).toBe(status)
})

const json = { 'content-type': 'application/json' }
const posts = ['faults', 'cold', 'workers', 'engine', 'clock']

test.each(posts)('a page’s form cannot change anything: POST /__control/%s', async (path) => {
  const before = await simulator.state()
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'text/json', null]) {
    const headers = new Headers(type === null ? {} : { 'content-type': type })
    const body = Buffer.from(JSON.stringify({ fault: 'status=503' }))
    const refused = await simulator.call(`/__control/${path}`, '', { headers, body })
    expect(refused.status).toBe(415)
  }
  expect(await simulator.state()).toMatchObject({ endpoints: before.endpoints })
  expect(await (await simulator.call('/__control/faults')).json()).toEqual({ rules: [] })
})

test.each([
  ...posts.map((path) => ['POST', path] as const),
  ['DELETE', 'faults'],
  ['GET', 'faults'],
  ['GET', 'state'],
  ['GET', 'clock'],
] as const)('nor can its script: %s /__control/%s', async (method, path) => {
  for (const origin of ['https://a.example', simulator.url(), 'null']) {
    const headers = { ...json, origin }
    const sent = { method, headers, ...(method === 'POST' ? { body: '{}' } : {}) }
    const refused = await simulator.call(`/__control/${path}`, undefined, sent)
    expect(refused.status).toBe(403)
  }
})

test('a media type may have parameters, and be written in capitals', async () => {
  const headers = { 'content-type': 'Application/JSON; charset=utf-8' }
  const sent = { method: 'POST', headers, body: '{}' }
  expect((await simulator.call('/__control/cold', undefined, sent)).status).toBe(200)
})
