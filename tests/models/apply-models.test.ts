// A models file is applied to a registry: what is added, changed and removed, what the audit
// keeps, and that a dry run or a failure changes nothing.
import { expect, onTestFinished, test } from 'vitest'
import { applyModels, type ModelsFile, readModels, readModelsFile } from '#src/models/index.ts'
import { listAudit, openRegistry, type Registry } from '#src/storage/index.ts'
import { byCommand } from '../support/registry-changes.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

function fileOf(...models: string[]): ModelsFile {
  return readModelsFile(`models:\n${models.join('')}`)
}

function modelText(id: string, price = 1, deployment = `${id}-here`, endpointId = 'abc'): string {
  return `  - id: ${id}
    surfaces: [openai-chat, openai-completions]
    contextTokens: 2048
    prices: { prompt: ${price}, completion: 2, cached: 0.5 }
    deployments:
      - { id: ${deployment}, kind: k, servedName: s, slots: 4, options: { endpointId: ${endpointId} } }
`
}

const nothing = { changed: [], removed: [], breaks: [] }

async function given(): Promise<{
  registry: Registry
  apply(file: ModelsFile, nowMs?: number, dryRun?: boolean): ReturnType<typeof applyModels>
}> {
  const registry = await openRegistry(temporaryStorage())
  onTestFinished(() => registry.close())
  return {
    registry,
    apply: (file, nowMs = 1, dryRun = false) =>
      applyModels(registry, file, byCommand(nowMs, { dryRun })),
  }
}

test('the registry then holds what the file says, in the file’s order', async () => {
  const { registry, apply } = await given()
  const file = fileOf(modelText('b'), modelText('a'))
  expect(await apply(file, 77)).toEqual({ added: ['b', 'a'], ...nothing })
  const on = { isDisabled: false }
  const expected = file.models.map((entry) => ({
    ...entry,
    ...on,
    createdAtMs: 77,
    deployments: entry.deployments.map((deployment) => ({ ...deployment, ...on })),
  }))
  expect(await readModels(registry.db)).toEqual(expected)
})

test('applying it again changes nothing', async () => {
  const { registry, apply } = await given()
  const file = fileOf(modelText('a'), modelText('b'))
  await apply(file)
  const before = registry.changeCounter()
  expect(await apply(file, 99)).toEqual({ added: [], ...nothing })
  expect(registry.changeCounter()).toBe(before)
})

test('tells each changed field in the file’s units, and keeps the birthday', async () => {
  const { registry, apply } = await given()
  await apply(fileOf(modelText('a')), 1)
  const diff = await apply(fileOf(modelText('a', 1.5, 'a-here', 'xyz')), 2)
  expect(diff.changed).toEqual([
    {
      id: 'a',
      changes: [
        { field: 'prices.prompt', from: '$1 per million', to: '$1.5 per million' },
        { field: 'deployments.a-here.options.endpointId', from: '"abc"', to: '"xyz"' },
      ],
    },
  ])
  const [model] = await readModels(registry.db)
  expect(model).toMatchObject({ createdAtMs: 1, prices: { promptNanoUsd: 1500 } })
})

test('removes what the file no longer names, with its deployments', async () => {
  const { registry, apply } = await given()
  await apply(fileOf(modelText('a'), modelText('b')))
  expect(await apply(fileOf(modelText('b')))).toMatchObject({ removed: ['a'], changed: [] })
  const left = await registry.db.selectFrom('deployments').select('id').execute()
  expect(left).toEqual([{ id: 'b-here' }])
})

test('a deployment may move to a model that stands before its old one', async () => {
  const { registry, apply } = await given()
  await apply(fileOf(modelText('a', 1, 'one'), modelText('b', 1, 'two')))
  await apply(fileOf(modelText('a', 1, 'two'), modelText('b', 1, 'one')))
  const models = await readModels(registry.db)
  expect(models.map((model) => model.deployments[0]?.id)).toEqual(['two', 'one'])
})

test('a new order of the file is the new order of the list', async () => {
  const { registry, apply } = await given()
  await apply(fileOf(modelText('a'), modelText('b'), modelText('c')))
  const { changed } = await apply(fileOf(modelText('c'), modelText('a'), modelText('b')))
  const place = (from: string, to: string) => [{ field: 'place', from, to }]
  expect(changed).toEqual([
    { id: 'c', changes: place('3', '1') },
    { id: 'a', changes: place('1', '2') },
    { id: 'b', changes: place('2', '3') },
  ])
  expect((await readModels(registry.db)).map((model) => model.id)).toEqual(['c', 'a', 'b'])
})

test('a list that becomes empty is no longer there', async () => {
  const { apply } = await given()
  const [entry] = fileOf(modelText('a')).models
  if (entry === undefined) throw new Error('No entry.')
  await apply({ models: [{ ...entry, aliases: ['gpt-4o'] }] })
  const { changed } = await apply({ models: [entry] })
  expect(changed[0]?.changes).toEqual([{ field: 'aliases', from: 'gpt-4o', to: null }])
})

test('what comes or goes before a model does not move it', async () => {
  const { apply } = await given()
  await apply(fileOf(modelText('a'), modelText('b'), modelText('c')))
  expect(await apply(fileOf(modelText('new'), modelText('b'), modelText('c')))).toEqual({
    ...nothing,
    added: ['new'],
    removed: ['a'],
  })
})

test('the audit has the whole of each model that was touched, before and after', async () => {
  const { registry, apply } = await given()
  await apply(fileOf(modelText('a'), modelText('b'), modelText('c')), 1)
  const before = await readModels(registry.db)
  await apply(fileOf(modelText('a', 3), modelText('c'), modelText('d')), 2)
  const after = await readModels(registry.db)
  const only = (models: typeof before, ...ids: string[]) => ({
    models: models.filter(({ id }) => ids.includes(id)),
  })
  const [entry, first] = await listAudit(registry, { limit: 2, beforeId: null })
  expect(entry).toMatchObject({ action: 'models.apply', atMs: 2 })
  expect(entry?.before).toEqual(only(before, 'a', 'b'))
  expect(entry?.after).toMatchObject({ added: ['d'], removed: ['b'], ...only(after, 'a', 'd') })
  expect(first).toMatchObject({ before: { models: [] }, after: { models: before } })
})

test('a dry run says the same and changes nothing', async () => {
  const { registry, apply } = await given()
  const file = fileOf(modelText('a'))
  expect(await apply(file, 1, true)).toEqual({ added: ['a'], ...nothing })
  expect(await readModels(registry.db)).toEqual([])
})

test('an apply that fails half way leaves everything as it was', async () => {
  const { registry, apply } = await given()
  await apply(fileOf(modelText('a')))
  const [entry] = fileOf(modelText('b')).models
  if (entry === undefined) throw new Error('No entry.')
  const twice = { models: [entry, { ...entry, id: 'c' }] }
  await expect(apply(twice)).rejects.toThrow(/UNIQUE/)
  expect((await readModels(registry.db)).map((model) => model.id)).toEqual(['a'])
})
