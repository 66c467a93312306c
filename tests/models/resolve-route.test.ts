// A client asks for a name: which model it gets, and how it is refused when the key, the route or
// the name does not allow it.
import { expect, onTestFinished, test } from 'vitest'
import { type ApiKey, Fault, type FaultName } from '#src/domain/index.ts'
import {
  applyModels,
  type Catalogue,
  openCatalogue,
  readModelsFile,
  resolveRoute,
} from '#src/models/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { surfaces } from '#src/surfaces/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { byCommand } from '../support/registry-changes.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const file = readModelsFile(`models:
  - id: acme/chat-1
    surfaces: [openai-chat]
    contextTokens: 2048
    prices: { prompt: 1, completion: 2 }
    deployments:
      - { id: one, kind: k, servedName: s, slots: 4 }
      - { id: two, kind: k, servedName: s, slots: 4 }
  - id: named
    aliases: [gpt-4o, acme/latest]
    surfaces: [openai-chat, embeddings]
    capabilities: [tools, vision]
    contextTokens: 2048
    prices: { prompt: 1, completion: 2 }
    deployments:
      - { id: three, kind: k, servedName: s, slots: 4 }
  - id: retired
    surfaces: [openai-chat]
    contextTokens: 2048
    prices: { prompt: 1, completion: 2 }
    deployments: []
`)

const key: ApiKey = {
  id: 'key_1',
  name: 'one',
  teamId: null,
  models: null,
  scopes: ['chat', 'embeddings'],
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrencyMax: null,
  thirdParty: false,
  createdAtMs: 1,
  expiresAtMs: null,
}

async function given(): Promise<{
  catalogue: Catalogue
  clock: ReturnType<typeof createFakeClock>
  apply(text: typeof file): Promise<unknown>
}> {
  const options = temporaryStorage()
  const [registry, command] = [await openRegistry(options), await openRegistry(options)]
  const apply = (models: typeof file) => applyModels(command, models, byCommand(5))
  await apply(file)
  const clock = createFakeClock()
  const catalogue = await openCatalogue(registry, { clock, pollMs: 500 })
  onTestFinished(async () => {
    catalogue[Symbol.dispose]()
    await Promise.all([registry.close(), command.close()])
  })
  return { catalogue, clock, apply }
}

test('a model leads to its deployments, in the file’s order', async () => {
  const { catalogue } = await given()
  const route = resolveRoute(catalogue, 'acme/chat-1', 'openai-chat', key)
  expect(route.model.id).toBe('acme/chat-1')
  expect(route.model.deployments.map((deployment) => deployment.id)).toEqual(['one', 'two'])
})

const onlyRetired = { ...key, models: ['retired'] }

test.each<[string, string, ApiKey, FaultName, number, string | null]>([
  ['gpt-5', 'openai-chat', key, 'model_not_found', 404, 'model'],
  ['ACME/chat-1', 'openai-chat', key, 'model_not_found', 404, 'model'],
  ['acme/chat-1', 'openai-chat', onlyRetired, 'model_not_allowed', 403, 'model'],
  ['acme/chat-1', 'openai-chat', { ...key, models: [] }, 'model_not_allowed', 403, 'model'],
  ['acme/chat-1', 'embeddings', key, 'bad_request', 400, 'model'],
  ['retired', 'openai-chat', onlyRetired, 'no_deployment', 503, null],
])('%s on %s is refused for this key: %#', async (id, surface, asking, kind, status, param) => {
  const { catalogue } = await given()
  let fault: unknown
  try {
    resolveRoute(catalogue, id, surface, asking)
  } catch (cause) {
    fault = cause
  }
  expect(fault).toBeInstanceOf(Fault)
  expect(fault).toMatchObject({ kind, param, rule: { status }, started: 'no' })
})

test('whoever takes the wrong route is told the right ones, by the paths that clients know', async () => {
  const { catalogue } = await given()
  const others = surfaces.filter(({ name }) => name !== 'openai-chat')
  expect(others).toHaveLength(2)
  for (const { name, path } of others) {
    expect(() => resolveRoute(catalogue, 'acme/chat-1', name, key)).toThrow(
      `cannot be used on ${path}, only on: /v1/chat/completions.`,
    )
  }
})

test('a message does not repeat what cannot be a model’s name', async () => {
  const { catalogue } = await given()
  expect(() => resolveRoute(catalogue, 'my secret\nprompt', 'openai-chat', key)).toThrow(
    'The model that was asked for does not exist.',
  )
})

test('a change by a command shows within one poll, in the list and in what is found', async () => {
  const { catalogue, clock, apply } = await given()
  let changes = 0
  catalogue.onChange(() => {
    changes += 1
  })
  await apply({ models: file.models.slice(1) })
  expect(catalogue.find('acme/chat-1')).not.toBeNull()
  await clock.advance(500)
  expect(catalogue.find('acme/chat-1')).toBeNull()
  expect(catalogue.list().map((model) => model.id)).toEqual(['named', 'retired'])
  expect(changes).toBe(1)
})

test('an alias leads to its model; only the whole of a name does', async () => {
  const { catalogue } = await given()
  expect(resolveRoute(catalogue, 'gpt-4o', 'openai-chat', key).model.id).toBe('named')
  expect(resolveRoute(catalogue, 'acme/latest', 'openai-chat', key).model.id).toBe('named')
  expect(() => resolveRoute(catalogue, 'gpt-4', 'openai-chat', key)).toThrow(/does not exist/)
})

test.each<[string[], string, boolean]>([
  [['named'], 'named', true],
  [['named'], 'gpt-4o', true],
  [['gpt-4o'], 'gpt-4o', true],
  [['gpt-4o'], 'named', false],
  [['gpt-4o'], 'acme/latest', false],
])('a key for %j asks for %s: %s', async (models, name, mayAsk) => {
  const { catalogue } = await given()
  const asking = () => resolveRoute(catalogue, name, 'openai-chat', { ...key, models })
  if (mayAsk) expect(asking().model.id).toBe('named')
  else expect(asking).toThrow(/may not use/)
  const visible = catalogue.visibleTo({ ...key, models }).map(({ id }) => id)
  expect(visible.includes(name)).toBe(mayAsk)
})

test('every name that may be asked for is listed, in the file’s order', async () => {
  const { catalogue } = await given()
  const names = (changes: Partial<ApiKey>) =>
    catalogue.visibleTo({ ...key, ...changes }).map(({ id }) => id)
  expect(names({})).toEqual(['acme/chat-1', 'named', 'gpt-4o', 'acme/latest', 'retired'])
  expect(names({ scopes: ['embeddings'] })).toEqual(['named', 'gpt-4o', 'acme/latest'])
  expect(names({ scopes: ['admin'] })).toEqual([])
  expect(names({ models: ['acme/chat-1'] })).toEqual(['acme/chat-1'])
})
