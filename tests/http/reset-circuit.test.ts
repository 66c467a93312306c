// An operator says over `/admin` that a deployment is well again.
import { expect, test } from 'vitest'
import { openBrokenGateway } from '../support/broken-gateway.ts'
import { adminKey, chat, testKey } from '../support/test-gateway.ts'
import { bodyOf, type ErrorBody } from './door.ts'

type Broken = Awaited<ReturnType<typeof openBrokenGateway>>

async function ask({ gateway }: Broken, path: string, body?: unknown, key = adminKey) {
  const response = await fetch(`${gateway.url}${path}`, {
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  const { status } = response
  return { status, body: await bodyOf<Record<string, unknown>>(response) }
}

function reset(broken: Broken, deployment: unknown = 'test-deployment', key = adminKey) {
  return ask(broken, '/admin/models/reset-circuit', { deployment }, key)
}

function circuitLines({ gateway }: Broken) {
  const lines = gateway.logLines().filter(({ event }) => event === 'circuit')
  return lines.map(({ level, deployment, circuit }) => [level, deployment, circuit])
}

test('five failures in a row open a circuit, and the next call is told to wait', async () => {
  const { gateway, upstream } = await openBrokenGateway()
  const refused = await gateway.post(chat())
  expect(refused.status).toBe(503)
  expect(await bodyOf(refused)).toMatchObject({ error: { code: 'circuit_open' } })
  const retryAfter = Number(refused.headers.get('retry-after'))
  expect(retryAfter).toBeGreaterThanOrEqual(1)
  expect(retryAfter).toBeLessThanOrEqual(5)
  expect(upstream.calls).toHaveLength(5)
})

test('a reset sends the next call at once', async () => {
  const broken = await openBrokenGateway()
  const { gateway, upstream } = broken
  broken.becomeWell()
  expect(await reset(broken)).toEqual({
    status: 200,
    body: { deployment: 'test-deployment', model: 'test-model', was: 'open', circuit: 'closed' },
  })
  expect((await gateway.post(chat())).status).toBe(200)
  expect(upstream.calls).toHaveLength(6)
})

test('each change of a circuit is one log line, and health, stats and metric say it', async () => {
  const broken = await openBrokenGateway()
  const told = async () => {
    const health = await ask(broken, '/health/detailed')
    const stats = await ask(broken, '/resilience/stats')
    const text = await broken.gateway.metrics()
    return {
      health: health.body.deployments,
      stats: stats.body.gates,
      metric: /^podgate_circuit_state\{deployment="test-deployment"\} (\d)$/m.exec(text)?.[1],
    }
  }
  const one = (circuit: string) => [
    { deployment: 'test-deployment', circuit },
    { deployment: 'other-deployment', circuit: 'closed' },
  ]
  const open = { health: one('open'), stats: one('open'), metric: '2' }
  expect(await told()).toMatchObject(open)
  const opened = ['error', 'test-deployment', 'open']
  expect(circuitLines(broken)).toEqual([opened])
  await reset(broken)
  expect(await told()).toMatchObject({ health: one('closed'), stats: one('closed'), metric: '0' })
  const closed = ['info', 'test-deployment', 'closed']
  expect(circuitLines(broken)).toEqual([opened, closed])
})

test('a reset is audited; one of a closed circuit changes nothing and is not', async () => {
  const broken = await openBrokenGateway()
  expect((await reset(broken)).body).toMatchObject({ was: 'open', circuit: 'closed' })
  expect((await reset(broken)).body).toMatchObject({ was: 'closed', circuit: 'closed' })
  const { body } = await ask(broken, '/admin/audit?limit=10')
  const entries = body.data as { action: string }[]
  expect(entries.filter(({ action }) => action === 'model.reset-circuit')).toMatchObject([
    {
      target: 'test-model test-deployment',
      before: { circuit: 'open' },
      after: { circuit: 'closed' },
    },
  ])
})

test('a key for some models resets the circuits of theirs alone', async () => {
  const broken = await openBrokenGateway()
  const keyFor = async (model: string) => {
    const asked = { name: 'some', scopes: ['admin'], models: [model] }
    return String((await ask(broken, '/admin/keys', asked)).body.secret)
  }
  expect(await reset(broken, 'test-deployment', await keyFor('other-model'))).toMatchObject({
    status: 403,
    body: { error: { code: 'exceeds_own_rights', param: 'models' } },
  })
  expect((await broken.gateway.post(chat())).status).toBe(503)
  const done = await reset(broken, 'test-deployment', await keyFor('test-model'))
  expect(done).toMatchObject({ status: 200, body: { was: 'open', circuit: 'closed' } })
})

test.each<[string, unknown, string, number, Partial<ErrorBody['error']>]>([
  ['an unknown deployment', 'none', adminKey, 404, { code: 'not_found', param: 'deployment' }],
  ['no name', '', adminKey, 400, { param: 'deployment' }],
  ['a number', 7, adminKey, 400, { param: 'deployment' }],
  ['a key that only calls', 'test-deployment', testKey, 403, { code: 'insufficient_scope' }],
])('%s is refused', async (_what, deployment, key, status, error) => {
  const broken = await openBrokenGateway()
  expect(await reset(broken, deployment, key)).toMatchObject({ status, body: { error } })
})
