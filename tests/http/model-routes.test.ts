// The models that can be asked for, from memory: nobody is woken to list them.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commandsOver } from '../support/run-commands.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { type ScriptedUpstream, startUpstream } from '../support/scripted-upstream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startTestGateway, type TestGateway, testKey } from '../support/test-gateway.ts'
import { bodyOf, openDoor } from './door.ts'

const slashed = 'mistralai/Mixtral-8x22B-Instruct-v0.1'
const ids = [slashed, 'plain', 'Org/sub/other_1.0']

interface ListedModel {
  id: string
  created: number
}

interface ModelList {
  object: string
  data: ListedModel[]
}

async function startWithModels(baseUrl: string) {
  const storage = temporaryStorage()
  const podgate = commandsOver(storage)
  const file = join(temporaryFolder(), 'models.yaml')
  const models = ids.map((id, at) => ({
    id,
    surfaces: ['openai-chat'],
    contextTokens: 4096 + at,
    capabilities: at === 0 ? ['tools', 'vision'] : [],
    prices: { prompt: 2, completion: 6 },
    deployments: [
      {
        id: `deployment-${at}`,
        kind: 'openai-compatible',
        servedName: 'served',
        slots: 1,
        options: { baseUrl },
      },
    ],
  }))
  writeFileSync(file, JSON.stringify({ models }))
  expect(await podgate('models', 'apply', file)).toMatchObject({ code: 0 })
  const made = await podgate('keys', 'create', '--name', 'one model', '--models', `plain,gone`)
  expect(made.code).toBe(0)
  const gateway = await startTestGateway({ baseUrl, config: { storage: { path: storage.path } } })
  return { gateway, limitedKey: made.out.trim() }
}

/** All in one test's life: its folders go with it. */
async function withModels(
  work: (given: {
    get(path: string, key?: string): Promise<Response>
    limitedKey: string
    upstream: ScriptedUpstream
    gateway: TestGateway
  }) => Promise<void>,
): Promise<void> {
  await using upstream = await startUpstream()
  const { gateway, limitedKey } = await startWithModels(upstream.url)
  await using _closing = gateway
  const get = (path: string, key = testKey) =>
    fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${key}` } })
  await work({ get, limitedKey, upstream, gateway })
  expect(upstream.openSockets()).toBe(0)
}

describe('the list of models', () => {
  test('holds every model, in OpenAI’s form', () =>
    withModels(async ({ get }) => {
      const response = await get('/v1/models')
      expect(response.status).toBe(200)
      const list = await bodyOf<ModelList>(response)
      expect(list.object).toBe('list')
      expect(list.data.map(({ id }) => id).sort()).toEqual([...ids].sort())
      for (const model of list.data) {
        expect(model).toMatchObject({ object: 'model', owned_by: expect.any(String) })
        expect(Number.isInteger(model.created)).toBe(true)
      }
    }))

  test('says how much each reads, and what it can do, as the route of one model does', () =>
    withModels(async ({ get }) => {
      const { data } = await bodyOf<ModelList>(await get('/v1/models'))
      const said = { max_model_len: 4096, capabilities: ['tools', 'vision'] }
      expect(data.find(({ id }) => id === slashed)).toMatchObject(said)
      expect(await bodyOf(await get(`/v1/models/${slashed}`))).toMatchObject(said)
      const plain = await bodyOf(await get('/v1/models/plain'))
      expect(plain).toMatchObject({ max_model_len: 4097, capabilities: [] })
    }))

  test('holds for a key only what it may use', () =>
    withModels(async ({ get, limitedKey }) => {
      const list = await bodyOf<ModelList>(await get('/v1/models', limitedKey))
      expect(list.data.map(({ id }) => id)).toEqual(['plain'])
    }))
})

describe('one model', () => {
  test('is found by its id, its slashes raw or encoded', () =>
    withModels(async ({ get }) => {
      const paths = [slashed, encodeURIComponent(slashed), slashed.replace('/', '%2f'), 'plain']
      for (const path of [...paths, 'Org/sub%2Fother_1.0']) {
        const response = await get(`/v1/models/${path}`)
        expect(response.status, path).toBe(200)
        expect((await bodyOf<ListedModel>(response)).id).toBe(decodeURIComponent(path))
      }
    }))

  test('that is not there, or not for this key, is 404 and names the parameter', () =>
    withModels(async ({ get, limitedKey }) => {
      const asked: [string, string][] = [
        ['nothing', testKey],
        ['', testKey],
        ['Plain', testKey],
        [`${slashed}/`, testKey],
        [slashed, limitedKey],
        ['gone', limitedKey],
      ]
      for (const [path, key] of asked) {
        const response = await get(`/v1/models/${path}`, key)
        expect(response.status, path).toBe(404)
        expect((await bodyOf(response)).error).toMatchObject({
          code: 'model_not_found',
          param: 'model',
        })
      }
    }))
})

test.each([
  ['/health', { status: 'ok' }],
  ['/healthz', { status: 'ok' }],
  ['/readyz', { status: 'ready' }],
])('%s tells anybody that all is well, and asks no upstream', async (path, body) => {
  const { ask, upstream } = await openDoor()
  const response = await ask('GET', path)
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual(body)
  expect(upstream.openSockets()).toBe(0)
})
