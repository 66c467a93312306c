// RunPod's management API over HTTP: endpoints are made, changed and removed; logs, the bill and
// the catalogue are read. The simulator's clock is moved by hand.
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { chat, runSimulator } from '../support/running.ts'

const simulator = runSimulator({
  clock: 'manual',
  coldMs: 2000,
  managementQuota: { minute: 1000, hour: 3000, day: 50_000 },
})
const asKey = { authorization: 'Bearer sim-key' }

interface Document {
  id: string
  name: string
  requestUrls: { [name: string]: string }
  workers: { min: number; max: number }
  createdAt: string
}

interface Workers {
  workers: { id: string; status: string; isStale: boolean; version: number }[]
  summary: { [status: string]: number }
  endpointVersion: number
}

const made: string[] = []

afterEach(async () => {
  for (const id of made.splice(0)) await remove(id)
})

const fields = {
  name: 'llm-fp8',
  type: 'QUEUE',
  image: 'runpod/worker-v1-vllm:v2.25.2',
  gpu: { pools: ['ADA_80_PRO'], count: 4 },
  workers: { min: 0, max: 3 },
  scaling: { type: 'REQUEST_COUNT', requestCount: 16 },
  timeout: 900_000,
  env: { MODEL_NAME: 'org/model-FP8', MAX_MODEL_LEN: '4096', MAX_CONCURRENCY: '8' },
}

async function create(more: object = {}): Promise<Document> {
  const response = await simulator.call('/v2/serverless', { ...fields, ...more })
  expect(response.status).toBe(201)
  const document = (await response.json()) as Document
  made.push(document.id)
  return document
}

function change(id: string, body: object): Promise<Response> {
  return simulator.call(`/v2/serverless/${id}`, body, { method: 'PATCH' })
}

function remove(id: string): Promise<Response> {
  return simulator.call(`/v2/serverless/${id}`, undefined, { method: 'DELETE' })
}

async function read<T>(path: string): Promise<T> {
  return (await (await simulator.call(path)).json()) as T
}

const advance = (advanceMs: number) => simulator.call('/__control/clock', { advanceMs })
const workersOf = (id: string) => read<Workers>(`/v2/serverless/${id}/workers`)

/** Runs one job to its end. */
async function runJob(id: string): Promise<void> {
  const input = { openai_route: '/v1/chat/completions', openai_input: chat('[[sim:tokens=5]]') }
  const run = await simulator.call(`/v2/${id}/run`, { input })
  const job = (await run.json()) as { id: string }
  await advance(5000)
  const status = await read<{ status: string }>(`/v2/${id}/status/${job.id}`)
  expect(status.status).toBe('COMPLETED')
}

describe('an endpoint', () => {
  test('that is made serves its model at the addresses that it names', async () => {
    const document = await create()
    expect(document).toMatchObject({ ...fields, flashboot: 'OFF', disk: 10 })
    expect(document.id).toMatch(/^[a-z\d]{14}$/)
    expect(document.requestUrls.run).toBe(`${simulator.url()}/v2/${document.id}/run`)
    await runJob(document.id)
    const models = await read<{ data: { id: string; max_model_len: number }[] }>(
      `/engine/${document.id}/v1/models`,
    )
    expect(models.data[0]).toMatchObject({ id: 'org/model-FP8', max_model_len: 4096 })
  })

  test('is in the list beside those of the start, and reads the same alone', async () => {
    const document = await create()
    const { endpoints } = await read<{ endpoints: Document[] }>('/v2/serverless')
    const ids = endpoints.map(({ id }) => id)
    expect(ids).toEqual([
      'sim-mixtral',
      'sim-qwen',
      'sim-qwen-b',
      'sim-phi',
      'sim-embed',
      document.id,
    ])
    expect(await read(`/v2/serverless/${document.id}`)).toEqual(document)
  })

  test('changes only what it is told to', async () => {
    const document = await create()
    const response = await change(document.id, { workers: { max: 5 } })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ ...document, workers: { min: 0, max: 5 } })
  })

  test('with workers that are always up starts them at once', async () => {
    const { id } = await create()
    await change(id, { workers: { min: 2 } })
    await advance(2000)
    expect((await workersOf(id)).summary).toMatchObject({ idle: 2, total: 2 })
    await change(id, { workers: { min: 0, max: 0 } })
  })

  test('that is removed is gone, with its workers', async () => {
    const { id } = await create()
    const response = await remove(id)
    expect([response.status, await response.text()]).toEqual([204, ''])
    made.length = 0
    expect((await simulator.call(`/v2/serverless/${id}`)).status).toBe(404)
    expect((await simulator.call(`/v2/${id}/health`)).status).toBe(404)
  })

  test('that is removed fails the calls that wait for it', async () => {
    const { id } = await create()
    const waiting = simulator.call(`/v2/${id}/openai/v1/chat/completions`, chat('hi'))
    const workers = async () => (await workersOf(id)).summary.total
    await until('one worker is there', async () => (await workers()) === 1)
    await remove(id)
    made.length = 0
    expect((await waiting).status).toBe(500)
  })

  test('with a new image is released anew: idle workers go, the next are of the new version', async () => {
    const { id } = await create()
    await runJob(id)
    expect(await workersOf(id)).toMatchObject({
      workers: [{ status: 'IDLE', isStale: false, version: 1 }],
      endpointVersion: 1,
    })
    await change(id, { image: 'runpod/worker-v1-vllm:v2.26.0', env: { MODEL_NAME: 'tiny' } })
    expect(await workersOf(id)).toMatchObject({ workers: [], endpointVersion: 2 })
    await runJob(id)
    expect((await workersOf(id)).workers[0]).toMatchObject({ version: 2, isStale: false })
    const { releases } = await read<{ releases: { version: number; diff: object[] }[] }>(
      `/v2/serverless/${id}/releases`,
    )
    expect(releases.map(({ version, diff }) => [version, diff.length])).toEqual([
      [2, 2],
      [1, 0],
    ])
  })

  test('with a new image lets busy workers finish; until then they are stale', async () => {
    const { id } = await create()
    const input = { prompt: '[[sim:slow-first=60000]]' }
    await simulator.call(`/v2/${id}/run`, { input })
    await advance(3000)
    await change(id, { image: 'other:1' })
    expect((await workersOf(id)).workers[0]).toMatchObject({ status: 'RUNNING', isStale: true })
    await advance(70_000)
    expect((await workersOf(id)).workers.filter(({ isStale }) => isStale)).toEqual([])
  })
})

describe('a worker’s logs', () => {
  /** Opens a log; the function reads its events until one holds the text, and leaves. */
  async function open(path: string, headers: object = {}) {
    const leaving = new AbortController()
    const response = await simulator.call(path, undefined, {
      headers: { ...asKey, ...headers },
      signal: leaving.signal,
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    return async (text: string) => {
      let seen = ''
      for await (const chunk of response.body ?? []) {
        seen += Buffer.from(chunk).toString()
        if (seen.includes(text)) break
      }
      leaving.abort()
      return seen
    }
  }

  test('are events with times for ids, and go on after the last one that was seen', async () => {
    const { id } = await create()
    await runJob(id)
    const workerId = (await workersOf(id)).workers[0]?.id
    const path = `/v2/serverless/${id}/workers/${workerId}/logs`
    const first = await (await open(path))('Finished.')
    const [line = ''] = first.split('\n\n')
    expect(line).toMatch(/^id: (\S+)\ndata: \{"source":"system","line":"create container .+","ts":/)
    const ids = [...first.matchAll(/^id: (\S+)$/gm)].map(([, ts]) => ts ?? '')
    const rest = await (await open(path, { 'last-event-id': ids[2] }))('Finished.')
    expect([...rest.matchAll(/^id: (\S+)$/gm)].map(([, ts]) => ts)).toEqual(ids.slice(3))
  })

  test('stay open and tell what comes', async () => {
    const { id } = await create()
    await runJob(id)
    const workerId = (await workersOf(id)).workers[0]?.id
    const path = `/v2/serverless/${id}/workers/${workerId}/logs?tail=0&source=system`
    const readUntil = await open(path)
    await change(id, { image: 'other:1' })
    const lines = [...(await readUntil('remove')).matchAll(/"line":"([^"]+)"/g)]
    expect(lines.map(([, line]) => line)).toEqual(['stop container', 'remove container'])
  })

  test.each(['?tail=5001', '?tail=x', '?source=disk', '?since=soon'])(
    'refuse %s',
    async (query) => {
      const { id } = await create()
      await runJob(id)
      const workerId = (await workersOf(id)).workers[0]?.id
      const path = `/v2/serverless/${id}/workers/${workerId}/logs${query}`
      expect((await simulator.call(path)).status).toBe(400)
    },
  )
})

test('the bill is the sum of what the workers cost', async () => {
  const { id } = await create()
  await runJob(id)
  await change(id, { image: 'other:1' })
  const report = await read<{ metadata: { totals: { totalAmount: number } } }>(
    `/v2/billing/serverless?serverlessId=${id}`,
  )
  // Five seconds from the start of its container to the release that stopped it, on four H100s.
  expect(report.metadata.totals.totalAmount).toBeCloseTo(5 * 4 * 0.00116, 6)
})

test('the catalogue has prices by the hour, and availability where it is asked for', async () => {
  const plain = await read<{ gpus: object[] }>('/v2/catalog/gpus')
  expect(plain.gpus).toContainEqual({
    id: 'NVIDIA H100 80GB HBM3',
    name: 'H100 SXM',
    pool: 'ADA_80_PRO',
    memory: 80,
    price: { secure: null, community: null, serverless: 4.176 },
  })
  const full = await read<{ gpus: object[] }>('/v2/catalog/gpus?include=AVAILABILITY')
  expect(full.gpus[0]).toHaveProperty('availability')
})

describe('a refusal', () => {
  test.each([
    ['GET', '/v2/serverless/none', 404],
    ['PATCH', '/v2/serverless/none', 404],
    ['DELETE', '/v2/serverless/none', 404],
    ['GET', '/v2/serverless/none/workers', 404],
    ['GET', '/v2/serverless/sim-phi/workers/none/logs', 404],
    ['GET', '/v2/serverless/sim-phi/nonsense', 404],
    ['PUT', '/v2/serverless/sim-phi', 405],
    ['POST', '/v2/serverless', 422],
    ['GET', '/v2/billing/serverless?bucketSize=minute', 400],
    ['GET', '/v2/billing/endpoints', 404],
  ])('%s %s is a problem with status %i', async (method, path, status) => {
    const body = ['POST', 'PATCH', 'PUT'].includes(method) ? {} : undefined
    const response = await simulator.call(path, body, { method })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status, title: expect.any(String) })
  })

  test('names the fields that are wrong', async () => {
    const response = await simulator.call('/v2/serverless', { ...fields, colour: 'blue', name: '' })
    expect(await response.json()).toMatchObject({
      status: 422,
      errors: expect.arrayContaining([{ path: 'name', message: expect.any(String) }]),
    })
  })

  test('for a body that is no JSON is 400', async () => {
    expect((await simulator.call('/v2/serverless', 'name=x')).status).toBe(400)
  })

  test('without the key is 401', async () => {
    const response = await simulator.call('/v2/serverless', undefined, { headers: {} })
    expect(response.status).toBe(401)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })
})

test('every answer tells what is left of the quota', async () => {
  const response = await simulator.call('/v2/serverless')
  expect(response.headers.get('ratelimit')).toMatch(/^"minute";r=\d+;t=\d+, "hour";r=/)
  expect(response.headers.get('ratelimit-policy')).toMatch(/^"minute";q=1000;w=60, /)
})

describe('in quiet days', () => {
  const quiet = runSimulator({ clock: 'manual', lowersMax: true, workersMax: 5 })
  const workers = async () => {
    const response = await quiet.call('/v2/serverless/sim-phi')
    return ((await response.json()) as Document).workers
  }
  const days = (count: number) =>
    quiet.call('/__control/clock', { advanceMs: count * 86_400_000 + 1 })

  test('the platform lowers the most workers, until somebody raises them', async () => {
    expect(await workers()).toEqual({ min: 0, max: 5 })
    await days(3)
    expect(await workers()).toEqual({ min: 0, max: 2 })
    await days(4)
    expect(await workers()).toEqual({ min: 0, max: 0 })
    await quiet.call('/v2/serverless/sim-phi', { workers: { max: 4 } }, { method: 'PATCH' })
    expect(await workers()).toEqual({ min: 0, max: 4 })
  })
})

describe('with a small quota', () => {
  const small = runSimulator({
    clock: 'manual',
    managementQuota: { minute: 2, hour: 10, day: 10 },
  })

  test('the third request of a minute is refused until the minute is over', async () => {
    const ask = async () => {
      const response = await small.call('/v2/serverless')
      return [response.status, response.headers.get('retry-after')]
    }
    expect([await ask(), await ask(), await ask()]).toEqual([
      [200, null],
      [200, null],
      [429, '60'],
    ])
    await small.call('/__control/clock', { advanceMs: 60_000 })
    expect(await ask()).toEqual([200, null])
  })
})
