// Applying a file must not take from keys in use what they name.
import { expect, onTestFinished, test } from 'vitest'
import type { ApiKey } from '#src/domain/index.ts'
import { createKey, revokeKey, runningKeys } from '#src/keys/index.ts'
import {
  type ApplyOptions,
  applyModels,
  type ModelsFile,
  readModels,
  readModelsFile,
  switchModel,
} from '#src/models/index.ts'
import { listAudit, openRegistry, type Registry } from '#src/storage/index.ts'
import { sampleKey } from '../support/chat-call.ts'
import { byCommand } from '../support/registry-changes.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const nowMs = 1_700_000_000_000
const { id: _id, ...sampleTerms } = sampleKey

type Written = [id: string, surfaces: string, aliases?: string, deployments?: string[]]

function fileOf(...models: Written[]): ModelsFile {
  const texts = models.map(
    ([id, surfaces, aliases = '', deployments = [`${id}-here`]]) => `
  - id: ${id}
    aliases: [${aliases}]
    surfaces: [${surfaces}]
    contextTokens: 2048
    prices: { prompt: 1, completion: 2 }
    deployments: [${deployments.map(deploymentText).join(', ')}]`,
  )
  return readModelsFile(models.length === 0 ? 'models: []' : `models:${texts.join('')}`)
}

/** With models that allow third parties. */
function outward({ models }: ModelsFile): ModelsFile {
  return { models: models.map((model) => ({ ...model, policy: { allowThirdParty: true } })) }
}

function deploymentText(id: string): string {
  return `{ id: ${id}, kind: k, servedName: s, slots: 1 }`
}

const chat = 'openai-chat'
const both = 'openai-chat, openai-completions'
const start = fileOf(['a', both, 'short'], ['b', 'embeddings'])

async function given(terms: Partial<ApiKey>) {
  const registry = await openRegistry(temporaryStorage())
  onTestFinished(() => registry.close())
  await applyModels(registry, start, options())
  const { key } = await createKey(registry, { ...sampleTerms, name: 'web', ...terms }, 'cli')
  return { registry, key }
}

function options(changes: Partial<ApplyOptions> = {}): ApplyOptions {
  return byCommand(nowMs, { runningKeys: (db) => runningKeys(db, nowMs), ...changes })
}

test.each<[string, Partial<ApiKey>, ModelsFile, { model: string; surfaces: string[] }[]]>([
  [
    'a removed model',
    { models: ['a'] },
    fileOf(['b', 'embeddings']),
    ['a', 'short'].map((model) => ({ model, surfaces: [chat, 'openai-completions'] })),
  ],
  [
    'the last deployment of a model',
    { models: ['short'] },
    fileOf(['a', both, 'short', []], ['b', 'embeddings']),
    [{ model: 'short', surfaces: [chat, 'openai-completions'] }],
  ],
  [
    'a removed route',
    { models: ['a'] },
    fileOf(['a', chat, 'short'], ['b', 'embeddings']),
    ['a', 'short'].map((model) => ({ model, surfaces: ['openai-completions'] })),
  ],
  [
    'a removed alias',
    { models: ['short'] },
    fileOf(['a', both], ['b', 'embeddings']),
    [{ model: 'short', surfaces: ['openai-chat', 'openai-completions'] }],
  ],
  [
    'the last deployment that is no third party',
    { models: ['short'] },
    outward(fileOf(['a', both, 'short', ['a-here, thirdParty: true']], ['b', 'embeddings'])),
    [{ model: 'short', surfaces: ['openai-chat', 'openai-completions'] }],
  ],
  [
    'the leave of a model to ask third parties, which alone serve it',
    { models: ['short'], thirdParty: true },
    fileOf(['a', both, 'short', ['a-here, thirdParty: true']], ['b', 'embeddings']),
    [{ model: 'short', surfaces: ['openai-chat', 'openai-completions'] }],
  ],
  [
    'an alias of a model',
    { models: ['a'] },
    fileOf(['a', both], ['b', chat, 'short']),
    [{ model: 'short', surfaces: ['openai-chat', 'openai-completions'] }],
  ],
])('%s that a key names', async (_what, terms, file, losses) => {
  const { registry, key } = await given(terms)
  const before = await readModels(registry.db)
  const applying = applyModels(registry, file, options())
  await expect(applying).rejects.toMatchObject({ kind: 'breaks_keys' })
  await expect(applying).rejects.toThrow(`${key.id} (web) would lose ${losses[0]?.model}`)
  expect(await readModels(registry.db)).toEqual(before)
  const breaks = losses.map((loss) => ({ keyId: key.id, keyName: 'web', ...loss }))
  expect(await applyModels(registry, file, options({ dryRun: true }))).toMatchObject({ breaks })
  expect(await applyModels(registry, file, options({ force: true }))).toMatchObject({ breaks })
  const [entry] = await listAudit(registry, { limit: 1, beforeId: null })
  expect(entry).toMatchObject({ action: 'models.apply', actor: 'cli', after: { breaks } })
})

test.each<[string, Partial<ApiKey>, ModelsFile]>([
  ['a key that may use everything names nothing', { models: null }, fileOf()],
  ['a key that names another model', { models: ['a'] }, fileOf(['a', both, 'short'])],
  [
    'a route that the key may not use anyway',
    { models: ['a', 'b'], scopes: ['chat'] },
    fileOf(['a', both, 'short']),
  ],
  [
    'a model that goes on under its old name as an alias',
    { models: ['b'] },
    fileOf(['a', both, 'short'], ['c', 'embeddings', 'b']),
  ],
  [
    'another deployment in place of the one there was',
    { models: ['a'] },
    fileOf(['a', both, 'short', ['elsewhere']]),
  ],
  [
    'a third party that model and key allow',
    { models: ['a'], thirdParty: true },
    outward(fileOf(['a', both, 'short', ['a-here, thirdParty: true']], ['b', 'embeddings'])),
  ],
  ['a key that has expired', { models: ['a'], expiresAtMs: nowMs }, fileOf()],
])('is not held up by %s', async (_what, terms, file) => {
  const { registry } = await given(terms)
  expect(await applyModels(registry, file, options())).toMatchObject({ breaks: [] })
})

test('is not held up by a revoked key', async () => {
  const { registry, key } = await given({ models: ['a'] })
  await revokeKey(registry, key.id, { nowMs, actor: 'cli' })
  await applyModels(registry, fileOf(), options())
  expect(await readModels(registry.db)).toEqual([])
})

test('a key that may use some models only applies no change to others', async () => {
  const { registry } = await given({})
  const actor = { ...sampleKey, models: ['a'] }
  const changed = fileOf(['a', chat, 'short'], ['b', 'embeddings'])
  expect(await touched(registry, changed, actor)).toEqual(['a'])
  const turned = fileOf(['b', 'embeddings'], ['a', chat, 'short'])
  await expect(touched(registry, turned, actor)).rejects.toMatchObject({ kind: 'not_granted' })
  const removed = fileOf(['a', chat, 'short'])
  await expect(touched(registry, removed, actor)).rejects.toMatchObject({ kind: 'not_granted' })
  const dry = applyModels(registry, removed, options({ actor, dryRun: true }))
  await expect(dry).rejects.toMatchObject({ kind: 'not_granted' })
})

async function touched(registry: Registry, file: ModelsFile, actor: ApiKey): Promise<string[]> {
  const { changed } = await applyModels(registry, file, options({ actor }))
  return changed.map(({ id }) => id)
}

test('a model that nobody served before loses nothing, and one that is switched off neither', async () => {
  const { registry } = await given({ models: ['a'] })
  const turn = {
    modelId: 'a',
    deploymentId: 'a-here',
    isDisabled: true,
    nowMs,
    actor: 'cli' as const,
  }
  await switchModel(registry, turn)
  const emptied = fileOf(['a', both, 'short', []], ['b', 'embeddings'])
  expect(await applyModels(registry, emptied, options())).toMatchObject({ breaks: [] })
})

test('a deployment that is switched off serves nobody in place of another', async () => {
  const { registry } = await given({ models: ['a'] })
  const two = fileOf(['a', both, 'short', ['a-here', 'spare']], ['b', 'embeddings'])
  await applyModels(registry, two, options())
  const turn = {
    modelId: 'a',
    deploymentId: 'spare',
    isDisabled: true,
    nowMs,
    actor: 'cli' as const,
  }
  await switchModel(registry, turn)
  const one = fileOf(['a', both, 'short', ['spare']], ['b', 'embeddings'])
  await expect(applyModels(registry, one, options())).rejects.toMatchObject({ kind: 'breaks_keys' })
})
