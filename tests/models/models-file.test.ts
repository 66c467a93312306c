// How `models.yaml` is read: every mistake is one line that says where it is, and no line repeats
// a secret.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ModelsFileMistakes, readModelsFile, readModelsValue } from '#src/models/index.ts'

const good = `models:
  - id: phi-2
    surfaces: [openai-chat]
    contextTokens: 2048
    prices: { prompt: 0.05, completion: 0.1 }
    deployments:
      - id: phi-2-here
        kind: runpod
        servedName: microsoft/phi-2
        slots: 4
        gpu: { type: L4, count: 1, usdPerSecond: 0.00019 }
        options: { endpointId: abc }
`

function mistakesOf(text: string): readonly string[] {
  try {
    readModelsFile(text)
    return []
  } catch (cause) {
    if (cause instanceof ModelsFileMistakes) return cause.mistakes
    throw cause
  }
}

test('reads dollars per million as whole nano-dollars per token', () => {
  const [model] = readModelsFile(good).models
  expect(model).toEqual({
    id: 'phi-2',
    ownedBy: 'podgate',
    aliases: [],
    capabilities: [],
    surfaces: ['openai-chat'],
    contextTokens: 2048,
    prices: { promptNanoUsd: 50, completionNanoUsd: 100, cachedNanoUsd: 50 },
    deployments: [
      {
        id: 'phi-2-here',
        kind: 'runpod',
        servedName: 'microsoft/phi-2',
        slots: 4,
        weight: 1,
        isThirdParty: false,
        firstByteMs: null,
        orphanHoldMs: null,
        warmForMs: null,
        gpu: { type: 'L4', count: 1, nanoUsdPerSecond: 190_000 },
        options: { endpointId: 'abc' },
      },
    ],
    routing: 'order',
  })
})

test.each([
  ['endpointId: abc', 'endpointId: *x', 'line 12: *x is an alias of nothing; '],
  ['contextTokens: 2048', 'contextTokens: 0', 'line 4, models[0].contextTokens: given 0; '],
  ['slots: 4', 'slots: many', 'line 10, models[0].deployments[0].slots: given "many"; '],
  ['prompt: 0.05', 'prompt: 0.0505', 'line 5, models[0].prices.prompt: given 0.0505; allowed: USD'],
  ['prompt: 0.05', 'prompt: -1', 'line 5, models[0].prices.prompt: given -1; '],
  ['prompt: 0.05, ', '', 'line 5, models[0].prices.prompt: given nothing; '],
  ['[openai-chat]', '[chat]', 'line 3, models[0].surfaces[0]: given "chat"; '],
  ['[openai-chat]', '[]', 'line 3, models[0].surfaces: given []; '],
  ['id: phi-2\n', 'id: "phi 2"\n', 'line 2, models[0].id: given "phi 2"; allowed: 1 to 128'],
  ['id: phi-2\n', 'id: ".."\n', 'line 2, models[0].id: given ".."; not allowed: '],
  ['id: phi-2\n', 'id: a/../b\n', 'line 2, models[0].id: given "a/../b"; not allowed: '],
  ['slots: 4', 'slots: 4\n        slot: 5', 'line 7, models[0].deployments[0]: not known: slot'],
  [
    'endpointId: abc',
    'apiKey: abc',
    'line 12, models[0].deployments[0].options.apiKey: given a se',
  ],
  [
    'contextTokens',
    'routing: best\n    contextTokens',
    'line 4, models[0].routing: given "best"; ',
  ],
  ...(
    [
      ['weight: -1', 'weight: given -1; '],
      ['weight: 1001', 'weight: given 1001; '],
      ['weight: 0.5', 'weight: given 0.5; '],
      ['thirdParty: maybe', 'thirdParty: given "maybe"; '],
      ['firstByteMs: 0', 'firstByteMs: given 0; '],
      ['firstByteMs: 2147483648', 'firstByteMs: given 2147483648; '],
      ['orphanHoldMs: -1', 'orphanHoldMs: given -1; '],
      ['warmForMs: 1.5', 'warmForMs: given 1.5; '],
    ] as const
  ).map(([written, says]): [string, string, string] => [
    'slots: 4',
    `slots: 4\n        ${written}`,
    `line 11, models[0].deployments[0].${says}`,
  ]),
  ['kind: runpod', 'kind: [', 'Flow sequence in block collection must be'],
])('says where `%s` given as `%s` is wrong', (from, to, begins) => {
  const mistakes = mistakesOf(good.replace(from, to))
  expect(mistakes[0]?.slice(0, begins.length)).toBe(begins)
  expect(mistakes.join('\n')).not.toMatch(/undefined|\[object/)
})

test('tells all mistakes at once, one line each', () => {
  const mistakes = mistakesOf(good.replace('2048', '-1').replace('slots: 4', 'slots: 0.5'))
  expect(mistakes).toHaveLength(2)
  expect(mistakes.every((mistake) => !mistake.includes('\n'))).toBe(true)
})

test('never repeats a secret that was written by mistake', () => {
  expect(mistakesOf(good.replace('endpointId: abc', 'apiKey: hush')).join()).not.toContain('hush')
})

test('refuses two of the same id', () => {
  expect(mistakesOf(good + good.replace('models:\n', ''))).toEqual([
    'line 13, models[1].id: given phi-2, which already stands above',
    'line 18, models[1].deployments[0].id: given phi-2-here, which already stands above',
  ])
})

test.each(['', 'models:', '- id: x', 'models: 5', '{}'])('refuses %j as a file', (text) => {
  expect(mistakesOf(text)).toHaveLength(1)
})

test('asks the kind itself about a deployment’s options', () => {
  const asked: unknown[] = []
  const check = (kind: string, options: unknown) => {
    asked.push([kind, options])
    return ['options.endpointId: given abc; allowed: something longer']
  }
  expect(() => readModelsFile(good, check)).toThrow(
    'line 7, models[0].deployments[0]: options.endpointId: given abc; allowed: something longer',
  )
  expect(asked).toEqual([['runpod', { endpointId: 'abc' }]])
})

test.each([
  ['dev', ['mixtral-8x22b-instruct', 'qwen2-7b-career', 'phi-2', 'bge-small-en']],
  ['prod', ['mixtral-8x22b-instruct']],
])('the file that comes with the product is good: %s', (env, ids) => {
  const { models } = readModelsFile(readFileSync(`configs/${env}/models.yaml`, 'utf8'))
  expect(models.map((model) => model.id)).toEqual(ids)
})

test('production’s file knows nothing of the simulator', () => {
  expect(readFileSync('configs/prod/models.yaml', 'utf8')).not.toMatch(/sim-|simulator/)
})

const named = (first: string, second: string) => `models:
  - id: one
    aliases: ${first}
    surfaces: [openai-chat]
    contextTokens: 1
    prices: { prompt: 1, completion: 1 }
    deployments: []
  - id: two
    aliases: ${second}
    surfaces: [openai-chat]
    contextTokens: 1
    prices: { prompt: 1, completion: 1 }
    deployments: []
`

test.each([
  ['another model’s name', '[]', '[one]'],
  ['its own name', '[one]', '[]'],
  ['another’s alias', '[x]', '[x]'],
  ['itself', '[x, x]', '[]'],
])('an alias must not be %s', (_what, first, second) => {
  expect(() => readModelsFile(named(first, second))).toThrow(/which already stands above/)
})

test('an alias may not stand before the model whose name it takes, either', () => {
  expect(() => readModelsFile(named('[two]', '[]'))).toThrow(/models\[1\]\.id: given two/)
})

test('a capability is one that is known', () => {
  const text = named('[]', '[]').replace(
    'contextTokens: 1',
    'contextTokens: 1\n    capabilities: [telepathy]',
  )
  expect(() => readModelsFile(text)).toThrow(/capabilities\[0\]: given "telepathy"/)
})

test('an address with a password in it is a secret', () => {
  const text = `models:
  - id: one
    surfaces: [openai-chat]
    contextTokens: 1
    prices: { prompt: 1, completion: 1 }
    deployments:
      - { id: d, kind: k, servedName: s, slots: 1, options: { baseUrl: "https://u:hunter2@h/" } }
`
  expect(() => readModelsFile(text)).toThrow(/options\.baseUrl: given a secret/)
  expect(() => readModelsFile(text)).not.toThrow(/hunter2/)
})

test('as a value of a request the first mistake names its parameter', () => {
  const models = [{ id: 'one', surfaces: [], contextTokens: 0 }]
  expect(() => readModelsValue({ models })).toThrow(
    expect.objectContaining({ kind: 'bad_request', param: 'models[0].surfaces' }),
  )
})
