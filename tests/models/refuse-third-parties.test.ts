// A key that may not use third parties sends nobody else's calls to one, whatever it applies.
import { expect, onTestFinished, test } from 'vitest'
import type { Actor } from '#src/domain/index.ts'
import { applyModels, readModels, readModelsFile } from '#src/models/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { sampleKey } from '../support/chat-call.ts'
import { byCommand } from '../support/registry-changes.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const admin = { ...sampleKey, id: 'key_admin', scopes: ['admin' as const] }

interface Written {
  id: string
  env?: string
  host?: string
  thirdParty?: boolean
  more?: string
}

function modelText(id: string, deployments: readonly Written[], policy = ''): string {
  const lines = deployments.map(
    ({ id: name, env, host = env ?? 'here', thirdParty, more = '' }) => {
      const key = env === undefined ? '' : `, apiKeyEnv: EXTERNAL_${env}_KEY`
      const whose = thirdParty === undefined ? '' : `thirdParty: ${thirdParty}, `
      const options = `options: { baseUrl: "http://${host}"${key} }`
      return `      - { id: ${name}, kind: k, servedName: s, slots: 1, ${whose}${more}${options} }\n`
    },
  )
  return `  - id: ${id}
    surfaces: [openai-chat]
    contextTokens: 1
    prices: { prompt: 1, completion: 1 }
    policy: { ${policy} }
    deployments:
${lines.join('')}`
}

function fileOf(...models: string[]) {
  return readModelsFile(`models:\n${models.join('')}`)
}

const mine: Written = { id: 'mine', env: 'MINE' }
const theirs: Written = { id: 'theirs', env: 'THEIRS' }
const bare: Written = { id: 'bare', host: 'bare', thirdParty: true }
const open = modelText('open', [{ id: 'o' }, bare], 'allowThirdParty: true')
const renamed = modelText('open', [{ id: 'o' }, { id: 'x', host: 'bare' }], 'allowThirdParty: true')
const start = [modelText('a', [mine, theirs]), open]

async function given() {
  const registry = await openRegistry(temporaryStorage())
  onTestFinished(() => registry.close())
  await applyModels(registry, fileOf(...start), byCommand())
  const apply = (models: readonly string[], actor: Actor = admin) =>
    applyModels(registry, fileOf(...models), byCommand(2, { actor }))
  return { registry, apply }
}

const first = 'models[0].deployments[0].thirdParty'
const second = 'models[0].deployments[1].thirdParty'

/* biome-ignore format: a table reads as a table */
const cases: [string, string[], string][] = [
  ['calls it its own',               [modelText('a', [mine, { ...theirs, thirdParty: false }]), open],          second],
  ['puts it first',                  [modelText('a', [theirs, mine]), open],                                    first],
  ['renames it',                     [modelText('a', [mine, { ...theirs, id: 'x', thirdParty: false }]), open], second],
  ['renames one without a key',      [modelText('a', [mine, theirs]), renamed],                                 'models[1].deployments[1].thirdParty'],
  ['leads it elsewhere with a key',  [modelText('a', [mine, { id: 'theirs', env: 'OTHER', thirdParty: false }]), open], second],
  ['leads it elsewhere without one', [modelText('a', [mine, { id: 'theirs' }]), open],                          second],
  ['moves it to a new model',        [modelText('b', [theirs]), open],                                          first],
  ['adds one with a key',            [modelText('a', [mine, { id: 'x', env: 'X', thirdParty: false }]), open],  second],
  ['gives its own a key of another', [modelText('a', [{ id: 'mine', env: 'X' }, theirs]), open],                first],
  ['allows them at a model',         [modelText('a', [mine, theirs], 'allowThirdParty: true'), open],           'models[0].policy.allowThirdParty'],
  ['allows them at a new model',     [...start, modelText('b', [{ id: 'n' }], 'allowThirdParty: true')],                   'models[2].policy.allowThirdParty'],
]

test.each(cases)('whoever %s must be allowed to use it', async (_what, models, param) => {
  const { registry, apply } = await given()
  const before = await readModels(registry.db)
  const refused = { kind: 'not_granted', param }
  await expect(apply(models)).rejects.toMatchObject(refused)
  expect(await readModels(registry.db)).toEqual(before)
  for (const actor of ['cli', { ...admin, thirdParty: true }, { ...admin, grantsAll: true }]) {
    const dry = byCommand(2, { actor: actor as Actor, dryRun: true })
    await applyModels(registry, fileOf(...models), dry)
  }
})

test('what was removed does not come back as its own', async () => {
  const { apply } = await given()
  await apply([modelText('a', [mine]), open])
  const back = [modelText('a', [mine, { ...theirs, thirdParty: false }]), open]
  await expect(apply(back)).rejects.toMatchObject({ param: second })
  await apply([modelText('a', [mine, theirs]), open])
})

/* biome-ignore format: a table reads as a table */
test.each<[string, string[]]>([
  ['all as it was',                       start],
  ['its own one, called a third party',   [modelText('a', [{ ...mine, thirdParty: true }, theirs]), open]],
  ['deadlines and weights',               [modelText('a', [{ ...mine, more: 'weight: 0, firstByteMs: 1, ' }, theirs]), open]],
  ['one more third party',                [modelText('a', [mine, theirs, { id: 'x', env: 'X' }]), open]],
  ['one more of its own, without a key',  [modelText('a', [mine, theirs, { id: 'x' }]), open]],
  ['one that is gone',                    [modelText('a', [mine]), open]],
  ['a model that allows them no longer',  [modelText('a', [mine, theirs]), modelText('open', [{ id: 'o' }])]],
  ['other terms of one that allows them', [modelText('a', [mine, theirs]), modelText('open', [{ id: 'o' }], 'allowThirdParty: true, cacheSalt: true')]],
])('a key without the right may apply %s', async (_what, models) => {
  const { apply } = await given()
  await expect(apply(models)).resolves.toMatchObject({ breaks: [] })
})

test('a new deadline leads a deployment nowhere else', async () => {
  const { registry } = await given()
  const models = [modelText('a', [{ ...mine, more: 'warmForMs: 1, ' }, theirs]), open]
  const options = byCommand(2, { actor: admin, mayLead: () => false })
  const { changed } = await applyModels(registry, fileOf(...models), options)
  expect(changed).toMatchObject([{ id: 'a' }])
})
