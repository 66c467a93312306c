// What operators and keys may see of a gateway, and that looking wakes nothing.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { metricTable } from '#src/observability/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { operatorMembers } from '../../scripts/api-page.ts'
import { answerWhole, goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { adminKey, chat, modelAt, startTestGateway, testKey } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

type Json = Record<string, unknown>

async function jsonOf(response: Response): Promise<Json> {
  expect(response.status).toBe(200)
  return (await response.json()) as Json
}

describe('models', () => {
  test.each(['org/model:1', 'org%2Fmodel:1', 'org%2Fmodel%3A1'])('%s is found', async (id) => {
    const models = [modelAt({ baseUrl: 'http://127.0.0.1:1' }, 'org/model:1')]
    await using gateway = await startTestGateway({ baseUrl: '', models })
    expect(await jsonOf(await gateway.get(`/v1/models/${id}`))).toMatchObject({ id: 'org/model:1' })
    expect(await jsonOf(await gateway.get('/v1/models'))).toMatchObject({
      data: [{ id: 'org/model:1' }],
    })
  })

  test('that do not exist are 404 with the parameter named', async () => {
    await using gateway = await startTestGateway({ baseUrl: 'http://127.0.0.1:1' })
    const response = await gateway.get('/v1/models/nobody%2Fknows')
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({
      error: { code: 'model_not_found', param: 'model' },
    })
  })
})

describe('/health/detailed', () => {
  test('tells when a cold endpoint may be warm, in names like all others', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind: 'runpod' })
    const client = gateway.open(chat({ stream: true }))
    await upstream.nextCall()
    const { deployments } = await jsonOf(await gateway.get('/health/detailed', adminKey))
    const [{ readiness }] = deployments as [{ readiness: object }]
    expect(Object.keys(readiness).every((name) => /^[a-z_]+$/.test(name))).toBe(true)
    expect(readiness).toHaveProperty('eta_ms')
    client.leave('close')
  })

  test('tells every deployment’s places, and opens no socket to any of them', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, slots: 3 })
    expect(await jsonOf(await gateway.get('/health/detailed', adminKey))).toMatchObject({
      status: 'ok',
      reason: null,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      uptime_seconds: expect.any(Number),
      ledger: expect.any(String),
      deployments: [
        {
          deployment: 'test-deployment',
          model: 'test-model',
          readiness: { state: 'unknown' },
          places: 3,
          running: 0,
          circuit: 'closed',
        },
      ],
      lines: [{ model: 'test-model', waiting: 0 }],
    })
    expect(upstream.openSockets()).toBe(0)
  })

  test('tells how many calls run, and makes none itself', async () => {
    await using upstream = await startUpstream()
    await using gateway = await startTestGateway({ baseUrl: upstream.url, slots: 3 })
    const client = gateway.open(chat({ stream: true }))
    const call = await upstream.nextCall()
    const { deployments } = await jsonOf(await gateway.get('/health/detailed', adminKey))
    expect(deployments).toMatchObject([{ places: 3, running: 1 }])
    goodAnswer(call)
    expect(await client.ended).toBe('whole')
    expect(upstream.calls).toHaveLength(1)
  })
})

test('a deployment that a newer version wrote is broken and told, and the other models go on', async () => {
  await using upstream = await startUpstream(goodAnswer)
  const own = { baseUrl: upstream.url }
  const models = [modelAt(own), modelAt(own, 'other-model', 'other-deployment')]
  await using gateway = await startTestGateway({ ...own, models })
  const registry = await openRegistry({
    path: join(gateway.folder, 'podgate.db'),
    busyTimeoutMs: 50,
  })
  await registry.db
    .updateTable('deployments')
    .set({ kind: 'of-a-newer-version' })
    .where('id', '=', 'other-deployment')
    .execute()
  await registry.close()
  expect(await gateway.logged({ event: 'deployment' })).toMatchObject({
    level: 'error',
    deployment: 'other-deployment',
  })
  const { deployments } = await jsonOf(await gateway.get('/health/detailed', adminKey))
  expect(deployments).toMatchObject([
    { deployment: 'test-deployment', readiness: { state: 'unknown' } },
    { deployment: 'other-deployment', readiness: { state: 'broken' } },
  ])
  expect((await gateway.post(chat())).status).toBe(200)
  expect((await gateway.post(chat({ model: 'other-model' }))).status).toBe(503)
})

test('/resilience/stats counts how tries ended since the start', async () => {
  await using upstream = await startUpstream((call) => {
    if (upstream.calls.length === 1) return answerWhole(call, '{"error":{"message":"x"}}', 500)
    goodAnswer(call)
  })
  await using gateway = await startTestGateway({ baseUrl: upstream.url })
  for (const status of [502, 200, 200]) expect((await gateway.post(chat())).status).toBe(status)
  const stats = await jsonOf(await gateway.get('/resilience/stats', adminKey))
  expect(stats).toMatchObject({
    since_seconds: expect.any(Number),
    attempts: { total: 3, answered: 2, faulted: 1, abandoned: 0 },
    retries: 0,
    faults: { upstream_bad_answer: 1 },
    gates: [
      {
        deployment: 'test-deployment',
        places: 8,
        running: 0,
        circuit: 'closed',
        is_paused: false,
      },
    ],
  })
})

test('a call that waits is in the line of its model, not of a deployment', async () => {
  await using upstream = await startUpstream()
  await using gateway = await startTestGateway({ baseUrl: upstream.url, slots: 1 })
  const first = gateway.open(chat())
  const call = await upstream.nextCall()
  const second = gateway.open(chat())
  const look = async () => (await jsonOf(await gateway.get('/health/detailed', adminKey))).lines
  await until('one waits', async () => JSON.stringify(await look()).includes('"waiting":1'))
  expect(await gateway.metrics()).toContain('podgate_queue_depth{model="test-model"} 1')
  goodAnswer(call)
  goodAnswer(await upstream.nextCall())
  expect([await first.ended, await second.ended]).toEqual(['whole', 'whole'])
  expect(await look()).toEqual([{ model: 'test-model', waiting: 0 }])
})

test.each(Object.entries(operatorMembers))(
  'docs/api.md has each member of %s',
  async (path, of) => {
    await using gateway = await startTestGateway({ baseUrl: 'http://127.0.0.1:1' })
    const answer = await jsonOf(await gateway.get(path, adminKey))
    const named = Object.entries(answer).flatMap(([name, value]) =>
      Array.isArray(value) ? Object.keys(value[0]).map((inner) => `${name}[].${inner}`) : [name],
    )
    expect(Object.keys(of).toSorted()).toEqual(named.toSorted())
  },
)

describe('a key', () => {
  const limits = { requestsPerMinute: 7, concurrencyMax: 3 }

  test('sees who it is and what it may', async () => {
    const config = { limits }
    await using gateway = await startTestGateway({ baseUrl: 'http://127.0.0.1:1', config })
    const info = await jsonOf(await gateway.get('/auth/info'))
    expect(info).toMatchObject({
      id: expect.any(String),
      name: expect.any(String),
      team_id: null,
      scopes: expect.arrayContaining(['chat', 'embeddings']),
      models: null,
      third_party: false,
      limits: { requests_per_minute: 7, concurrency: 3 },
      expires_at: null,
    })
    expect(JSON.stringify(info)).not.toContain(testKey)
  })

  test('sees what it has left and what it used, and looking costs nothing', async () => {
    await using upstream = await startUpstream(goodAnswer)
    const config = { limits }
    await using gateway = await startTestGateway({ baseUrl: upstream.url, config })
    await gateway.post(chat())
    for (let look = 0; look < 10; look += 1) await gateway.get('/v1/key')
    const key = await jsonOf(await gateway.get('/v1/key'))
    expect(key).toMatchObject({
      object: 'key',
      limits: { requests_per_minute: 7, requests_remaining: 6, concurrency: 3, running: 0 },
      usage: {
        calls: 1,
        prompt_tokens: 11,
        completion_tokens: 5,
        total_tokens: 16,
        charge_usd: (11 * 2000 + 5 * 6000) / 1e9,
      },
    })
    expect(JSON.stringify(key)).not.toContain(testKey)
  })
})

test.each(['/health/detailed', '/resilience/stats'])('%s is for operators alone', async (path) => {
  await using gateway = await startTestGateway({ baseUrl: 'http://127.0.0.1:1' })
  expect((await gateway.get(path)).status).toBe(403)
  expect((await fetch(`${gateway.url}${path}`)).status).toBe(401)
})

test.each(['/auth/info', '/v1/key'])('%s needs a key', async (path) => {
  await using gateway = await startTestGateway({ baseUrl: 'http://127.0.0.1:1' })
  expect((await fetch(`${gateway.url}${path}`)).status).toBe(401)
})

test('every gauge that is declared is fed', async () => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await startTestGateway({ baseUrl: upstream.url })
  await (await gateway.post(chat())).text()
  const text = await gateway.metrics()
  const gauges = metricTable.filter(({ kind }) => kind === 'gauge').map(({ name }) => name)
  expect(gauges.filter((name) => !new RegExp(`^${name}[{ ]`, 'm').test(text))).toEqual([])
})
