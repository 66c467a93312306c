// `podgate models`: apply shows what it changes in the registry; list and show say what is there;
// disable and enable switch models.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commandNowMs, commandsOver, jsonOf } from '../support/run-commands.ts'
import { temporaryStorage } from '../support/sample-storage.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const devFile = 'configs/dev/models.yaml'

function modelsFile(prompt: number): string {
  const path = join(temporaryFolder(), 'models.yaml')
  const text = `models:
  - id: phi-2
    surfaces: [openai-chat]
    contextTokens: 2048
    prices: { prompt: ${prompt}, completion: 0.1 }
    deployments:
      - { id: phi-2-here, kind: k, servedName: s, slots: 4 }
`
  writeFileSync(path, text)
  return path
}

test('apply shows what it adds, and then has nothing to change', async () => {
  const run = commandsOver(temporaryStorage())
  expect(await run('models', 'apply', devFile)).toEqual({
    code: 0,
    out: [
      '+ mixtral-8x22b-instruct',
      '+ qwen2-7b-career',
      '+ phi-2',
      '+ bge-small-en',
      'Done: 4 added, 0 changed, 0 removed.',
    ].join('\n'),
    err: '',
  })
  expect((await run('models', 'apply', devFile)).out).toBe('Nothing to change.')
})

test('apply shows each changed field, old and new, and what it removes', async () => {
  const run = commandsOver(temporaryStorage())
  await run('models', 'apply', modelsFile(0.05))
  const changed = await run('models', 'apply', modelsFile(0.07))
  expect(changed.out).toBe(
    [
      '~ phi-2',
      '    prices.prompt: $0.05 per million → $0.07 per million',
      '    prices.cached: $0.05 per million → $0.07 per million',
      'Done: 0 added, 1 changed, 0 removed.',
    ].join('\n'),
  )
  await run('models', 'apply', devFile)
  const removed = jsonOf(await run('models', 'apply', modelsFile(0.07), '--json'))
  const gone = ['mixtral-8x22b-instruct', 'qwen2-7b-career', 'bge-small-en']
  expect(removed).toMatchObject({ dryRun: false, removed: gone })
})

test('a dry run shows the changes and makes none', async () => {
  const run = commandsOver(temporaryStorage())
  const { out } = await run('models', 'apply', devFile, '--dry-run')
  expect(out).toMatch(/^\+ phi-2$/m)
  expect(out).toMatch(/^Would be: 4 added, .* Nothing was changed \(dry run\)\.$/m)
  expect(jsonOf(await run('models', 'list', '--json'))).toEqual({ models: [] })
})

test('a file with mistakes changes nothing and tells them all', async () => {
  const run = commandsOver(temporaryStorage())
  const { code, out, err } = await run('models', 'apply', modelsFile(-1))
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('line 5, models[0].prices.prompt: given -1; allowed: number')
})

test('a file that is not there is a failure of one line', async () => {
  const { code, err } = await commandsOver(temporaryStorage())('models', 'apply', '/nowhere.yaml')
  expect(code).toBe(1)
  expect(err).toMatch(/^\/nowhere\.yaml cannot be read: ENOENT/)
})

test('apply asks the upstream kinds about their options', async () => {
  const checkDeployment = (kind: string) => [`kind: given ${kind}; allowed: something else`]
  const run = commandsOver(temporaryStorage(), { checkDeployment })
  const { code, err } = await run('models', 'apply', modelsFile(1))
  expect(code).toBe(1)
  expect(err).toMatch(/models\[0\]\.deployments\[0\]: kind: given k; allowed: something else/)
})

test('list shows prices and deployments', async () => {
  const run = commandsOver(temporaryStorage())
  await run('models', 'apply', devFile)
  const { out } = await run('models', 'list')
  expect(out.split('\n')[1]?.split(/ {2,}/)).toEqual([
    'mixtral-8x22b-instruct',
    'openai-chat,openai-completions',
    '16384',
    '2',
    '6',
    '32',
    'mixtral-8x22b-runpod (runpod)',
  ])
  const listed = jsonOf(await run('models', 'list', '--json'))
  const prices = { promptNanoUsd: 2000, completionNanoUsd: 6000, cachedNanoUsd: 2000 }
  const [first] = (listed as { models: unknown[] }).models
  expect(first).toMatchObject({ createdAtMs: commandNowMs, prices })
})

function deploymentFile(): string {
  const path = join(temporaryFolder(), 'models.yaml')
  writeFileSync(
    path,
    `models:
  - id: acme/one
    aliases: [gpt-4o]
    surfaces: [openai-chat]
    routing: weighted
    capabilities: [tools, vision]
    contextTokens: 2048
    prices: { prompt: 0.05, completion: 0.1 }
    deployments:
      - id: here
        kind: k
        servedName: s
        slots: 4
        weight: 3
        firstByteMs: 300
        gpu: { type: L4, count: 2, usdPerSecond: 0.0002 }
        options: { endpointId: abc }
`,
  )
  return path
}

test('show has all of a model and its deployments, by an alias too', async () => {
  const run = commandsOver(temporaryStorage())
  await run('models', 'apply', deploymentFile())
  const { out } = await run('models', 'show', 'gpt-4o')
  expect(out).toBe(
    [
      'id             acme/one',
      'state          enabled',
      'aliases        gpt-4o',
      'owned by       podgate',
      'surfaces       openai-chat',
      'capabilities   tools, vision',
      'routing        weighted',
      'third parties  not allowed',
      'context        2048 tokens',
      'prompt         $0.05 per million tokens',
      'cached prompt  $0.05 per million tokens',
      'answer         $0.1 per million tokens',
      '',
      'DEPLOYMENT  STATE    KIND  SERVED NAME  SLOTS  WEIGHT  OWNER  DEADLINES        ' +
        'GPU                  OPTIONS',
      'here        enabled  k     s                4       3  own    firstByteMs 300  ' +
        '2 × L4 at $0.0002/s  {"endpointId":"abc"}',
    ].join('\n'),
  )
  const json = jsonOf(await run('models', 'show', 'acme/one', '--json'))
  expect(json).toMatchObject({ capabilities: ['tools', 'vision'], isDisabled: false })
  expect(await run('models', 'show', 'nothing')).toEqual({
    code: 1,
    out: '',
    err: 'There is no model nothing. See: podgate models list',
  })
})

test('show says which deployment is somebody else’s, and whether the model lets it answer', async () => {
  const path = join(temporaryFolder(), 'models.yaml')
  writeFileSync(
    path,
    `models:
  - id: one
    surfaces: [openai-chat]
    contextTokens: 1
    prices: { prompt: 1, completion: 1 }
    policy: { allowThirdParty: true }
    deployments:
      - { id: here, kind: k, servedName: s, slots: 1 }
      - { id: there, kind: k, servedName: s, slots: 1, options: { apiKeyEnv: EXTERNAL_A_KEY } }
`,
  )
  const run = commandsOver(temporaryStorage())
  await run('models', 'apply', path)
  const { out } = await run('models', 'show', 'one')
  expect(out).toMatch(/^third parties +allowed$/m)
  expect(out).toMatch(/^here .* 1 {2}own /m)
  expect(out).toMatch(/^there .* 1 {2}third party /m)
})

test('disable and enable say what they did, and list shows it', async () => {
  const run = commandsOver(temporaryStorage())
  await run('models', 'apply', deploymentFile())
  const one = await run('models', 'disable', 'acme/one', '--deployment', 'here')
  expect(one).toEqual({ code: 0, out: 'Deployment here of acme/one is disabled.', err: '' })
  expect((await run('models', 'list')).out).toContain('here (off)')
  const all = jsonOf(await run('models', 'disable', 'acme/one', '--json'))
  expect(all).toMatchObject({ isDisabled: true })
  expect((await run('models', 'list')).out).toContain('acme/one (off)')
  expect((await run('models', 'enable', 'acme/one')).out).toBe('acme/one is enabled.')
  expect((await run('models', 'list')).out).not.toContain('acme/one (off)')
  expect((await run('models', 'enable', 'acme/two')).code).toBe(1)
})

test('apply refuses what keys in use name, says so in a dry run, and does it when forced', async () => {
  const run = commandsOver(temporaryStorage())
  await run('models', 'apply', deploymentFile())
  const made = jsonOf(
    await run('keys', 'create', '--name', 'web', '--models', 'acme/one', '--json'),
  )
  const { id } = made as { id: string }
  const refused = await run('models', 'apply', modelsFile(1))
  expect({ code: refused.code, out: refused.out }).toEqual({ code: 1, out: '' })
  expect(refused.err).toContain(`${id} (web) would lose acme/one on openai-chat`)
  const dry = await run('models', 'apply', modelsFile(1), '--dry-run')
  expect(dry.out).toContain(`! key ${id} (web) loses acme/one on openai-chat`)
  const forced = await run('models', 'apply', modelsFile(1), '--force')
  expect(forced.code).toBe(0)
  expect(forced.out).toMatch(/Done: 1 added, 0 changed, 1 removed\.$/)
})
