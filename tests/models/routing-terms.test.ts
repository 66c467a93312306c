// How a model is routed, and a deployment's share, owner and deadlines: from the file into the
// registry and back, and what of it is told as a change.
import { expect, onTestFinished, test } from 'vitest'
import { applyModels, readModels, readModelsFile } from '#src/models/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { byCommand } from '../support/registry-changes.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

function fileWith(deployments: readonly string[], routing = '') {
  const lines = deployments.map((more, index) => {
    const id = more.includes('id:') ? '' : `id: d${index}, `
    return `      - { ${id}kind: k, servedName: s, slots: 1${more === '' ? '' : `, ${more}`} }\n`
  })
  return readModelsFile(`models:
  - id: m
    surfaces: [openai-chat]
    contextTokens: 1
    prices: { prompt: 1, completion: 1 }
${routing}    deployments:
${lines.join('')}`)
}

async function given() {
  const registry = await openRegistry(temporaryStorage())
  onTestFinished(() => registry.close())
  return registry
}

const keyed = 'options: { apiKeyEnv: EXTERNAL_A_KEY }'

test('all of it is kept, each field in its own column', async () => {
  const registry = await given()
  const all = 'weight: 7, thirdParty: true, firstByteMs: 300, orphanHoldMs: 0, warmForMs: 90000'
  await applyModels(registry, fileWith([all], '    routing: least-busy\n'), byCommand())
  expect(await readModels(registry.db)).toMatchObject([
    {
      routing: 'least-busy',
      deployments: [
        {
          weight: 7,
          isThirdParty: true,
          firstByteMs: 300,
          orphanHoldMs: 0,
          warmForMs: 90_000,
        },
      ],
    },
  ])
})

/* biome-ignore format: a table reads as a table */
test.each<[string, string[], boolean[]]>([
  ['the first with a key of its own',           [keyed],                              [false]],
  ['others with a key of their own',            ['', keyed, keyed],                   [false, true, true]],
  ['others without one',                        [keyed, ''],                          [false, false]],
  ['one of whom it is said that it is not',     ['', `thirdParty: false, ${keyed}`],  [false, false]],
  ['one of whom it is said that it is',         ['thirdParty: true'],                 [true]],
])('a third party by default, or not: %s', (_what, deployments, expected) => {
  const [model] = fileWith(deployments).models
  expect(model?.deployments.map(({ isThirdParty }) => isThirdParty)).toEqual(expected)
})

/* biome-ignore format: a table reads as a table */
test.each<[string, string, string, string | null, string | null]>([
  ['weight: 0',         'weight: 2',          'weight',       '0',     '2'],
  ['weight: 0',         '',                   'weight',       '0',     '1'],
  ['thirdParty: true',  'thirdParty: false',  'thirdParty',   'true',  'false'],
  ['',                  'firstByteMs: 300',   'firstByteMs',  null,    '300'],
  ['orphanHoldMs: 0',   '',                   'orphanHoldMs', '0',     null],
  ['warmForMs: 1000',   'warmForMs: 2000',    'warmForMs',    '1000',  '2000'],
])('from `%s` to `%s` is a change of %s alone', async (before, after, field, from, to) => {
  const registry = await given()
  await applyModels(registry, fileWith([before]), byCommand())
  const { changed } = await applyModels(registry, fileWith([after]), byCommand())
  expect(changed).toEqual([{ id: 'm', changes: [{ field: `deployments.d0.${field}`, from, to }] }])
  const again = await applyModels(registry, fileWith([after]), byCommand())
  expect(again.changed).toEqual([])
})

test('another way of routing is a change, too', async () => {
  const registry = await given()
  await applyModels(registry, fileWith(['']), byCommand())
  const file = fileWith([''], '    routing: weighted\n')
  expect((await applyModels(registry, file, byCommand())).changed).toEqual([
    { id: 'm', changes: [{ field: 'routing', from: 'order', to: 'weighted' }] },
  ])
})

test('whoever is put first without a word is one’s own, and that is told', async () => {
  const registry = await given()
  const [one, two] = ['id: one', `id: two, ${keyed}`]
  await applyModels(registry, fileWith([one, two]), byCommand())
  const { changed } = await applyModels(registry, fileWith([two, one]), byCommand())
  expect(changed[0]?.changes).toEqual([
    { field: 'deployments', from: 'one, two', to: 'two, one' },
    { field: 'deployments.two.thirdParty', from: 'true', to: 'false' },
  ])
})
