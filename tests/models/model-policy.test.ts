// Where a model differs from the usual, from its file into the registry and back.
import { expect, onTestFinished, test } from 'vitest'
import { policyOf } from '#src/domain/index.ts'
import { applyModels, readModels, readModelsFile } from '#src/models/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { byCommand } from '../support/registry-changes.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

function fileWith(policy: string) {
  return readModelsFile(`models:
  - id: phi-2
    surfaces: [openai-chat]
    contextTokens: 2048
    prices: { prompt: 0.05, completion: 0.1 }
    deployments: []
${policy}`)
}

test('only what differs is written down, and the rest is as usual', async () => {
  const registry = await openRegistry(temporaryStorage())
  onTestFinished(() => registry.close())
  const policy = '    policy: { remoteMedia: true, outputTokensMax: 500 }\n'
  await applyModels(registry, fileWith(policy), byCommand(1))
  const [model] = await readModels(registry.db)
  expect(model?.policy).toEqual({ remoteMedia: true, outputTokensMax: 500 })
  expect(policyOf(model ?? {})).toEqual({
    templateArguments: ['enable_thinking'],
    cacheSalt: false,
    remoteMedia: true,
    trustedMedia: false,
    allowThirdParty: false,
    roles: [],
    sequencesMax: 64,
    templateTokens: 1024,
    completionTokens: 16,
    outputTokensMax: 500,
  })

  const back = await applyModels(registry, fileWith(''), byCommand(2))
  expect(back.changed).toMatchObject([
    {
      id: 'phi-2',
      changes: [
        { field: 'policy.remoteMedia', from: 'true', to: null },
        { field: 'policy.outputTokensMax', from: '500', to: null },
      ],
    },
  ])
  expect((await readModels(registry.db))[0]).not.toHaveProperty('policy')
})

test.each([
  ['remoteMedias: true', /not known: remoteMedias/],
  ['allowThirdParty: sometimes', /policy\.allowThirdParty/],
  ['roles: [""]', /policy\.roles/],
  ['sequencesMax: 0', /policy\.sequencesMax/],
  ['cacheSalt: 1', /policy\.cacheSalt/],
  ['completionTokens: 0', /policy\.completionTokens/],
  ['templateArguments: [1]', /policy\.templateArguments/],
])('a policy of %s is a mistake', (policy, mistake) => {
  expect(() => fileWith(`    policy: { ${policy} }\n`)).toThrow(mistake)
})
