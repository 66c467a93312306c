// Switching models and deployments off and on, and what a running gateway makes of it.
import { expect, onTestFinished, test } from 'vitest'
import type { ApiKey } from '#src/domain/index.ts'
import {
  applyModels,
  openCatalogue,
  readModels,
  readModelsFile,
  resolveRoute,
  switchModel,
} from '#src/models/index.ts'
import { listAudit, openRegistry } from '#src/storage/index.ts'
import { sampleKey } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { byCommand } from '../support/registry-changes.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const file = (price = 1) =>
  readModelsFile(`models:
  - id: a
    aliases: [other-a]
    surfaces: [openai-chat]
    contextTokens: 2048
    prices: { prompt: ${price}, completion: 2 }
    deployments:
      - { id: one, kind: k, servedName: s, slots: 4 }
      - { id: two, kind: k, servedName: s, slots: 4 }
`)

async function given() {
  const options = temporaryStorage()
  const [registry, command] = [await openRegistry(options), await openRegistry(options)]
  await applyModels(command, file(), byCommand())
  const clock = createFakeClock()
  const catalogue = await openCatalogue(registry, { clock, pollMs: 500 })
  onTestFinished(async () => {
    catalogue[Symbol.dispose]()
    await Promise.all([registry.close(), command.close()])
  })
  return {
    registry: command,
    /** By another process, and seen by this one. */
    async turn(
      isDisabled: boolean,
      deploymentId: string | null = null,
      actor: ApiKey | 'cli' = 'cli',
    ) {
      await switchModel(command, { modelId: 'a', deploymentId, isDisabled, nowMs: 7, actor })
      await clock.advance(500)
    },
    async apply(price: number) {
      await applyModels(command, file(price), byCommand())
      await clock.advance(500)
    },
    route: (name = 'a') => {
      const { model } = resolveRoute(catalogue, name, 'openai-chat', sampleKey)
      return model.deployments.flatMap(({ id, isDisabled }) => (isDisabled ? [] : [id]))
    },
    names: () => catalogue.visibleTo(sampleKey).map(({ id }) => id),
  }
}

test('a disabled model is as if it did not exist, by all its names, until it is enabled', async () => {
  const { turn, route, names } = await given()
  await turn(true)
  for (const name of ['a', 'other-a']) expect(() => route(name)).toThrow(/does not exist/)
  expect(names()).toEqual([])
  await turn(false)
  expect(route('other-a')).toEqual(['one', 'two'])
  expect(names()).toEqual(['a', 'other-a'])
})

test('a disabled deployment gets no calls; when all are disabled there is none', async () => {
  const { turn, route, names } = await given()
  await turn(true, 'one')
  expect(route()).toEqual(['two'])
  await turn(true, 'two')
  expect(() => route()).toThrow(expect.objectContaining({ kind: 'no_deployment' }))
  expect(names()).toEqual(['a', 'other-a'])
  await turn(false, 'one')
  expect(route()).toEqual(['one'])
})

test('applying a changed file leaves what was switched off as it is', async () => {
  const { registry, turn, apply } = await given()
  await turn(true)
  await turn(true, 'two')
  await apply(3)
  const [model] = await readModels(registry.db)
  expect(model).toMatchObject({
    isDisabled: true,
    prices: { promptNanoUsd: 3000 },
    deployments: [
      { id: 'one', isDisabled: false },
      { id: 'two', isDisabled: true },
    ],
  })
})

test('leaves a line for each switch, and none where nothing changed', async () => {
  const { registry, turn } = await given()
  await turn(true, 'one')
  await turn(true, 'one')
  await turn(false, 'one', { ...sampleKey, id: 'key_admin' })
  const entries = await listAudit(registry, { limit: 2, beforeId: null })
  expect(entries.map(({ id: _, ...entry }) => entry)).toEqual([
    {
      atMs: 7,
      actor: 'key_admin',
      action: 'model.enable',
      target: 'a one',
      before: { isDisabled: true },
      after: { isDisabled: false },
    },
    {
      atMs: 7,
      actor: 'cli',
      action: 'model.disable',
      target: 'a one',
      before: { isDisabled: false },
      after: { isDisabled: true },
    },
  ])
})

test('what is not there cannot be switched', async () => {
  const { registry } = await given()
  const change = { deploymentId: null, isDisabled: true, nowMs: 1, actor: 'cli' as const }
  await expect(switchModel(registry, { ...change, modelId: 'b' })).rejects.toMatchObject({
    kind: 'not_found',
    param: 'model',
  })
  await expect(switchModel(registry, { ...change, modelId: 'other-a' })).rejects.toThrow(
    'That is an alias of a: name the model itself.',
  )
  const one = { ...change, modelId: 'a', deploymentId: 'three' }
  await expect(switchModel(registry, one)).rejects.toMatchObject({ param: 'deployment' })
})

test('a key that may use some models only switches no others', async () => {
  const { turn, route } = await given()
  const narrow = { ...sampleKey, models: ['b'] }
  await expect(turn(true, null, narrow)).rejects.toMatchObject({ kind: 'not_granted' })
  expect(route()).toEqual(['one', 'two'])
  await turn(true, 'one', { ...sampleKey, models: ['a'] })
  expect(route()).toEqual(['two'])
})
