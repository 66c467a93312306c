// Models through the admin door: what is changed holds at once, and what breaks is refused.
import { expect, test } from 'vitest'
import { chat, modelAt, testKey } from '../support/test-gateway.ts'
import { calls, make, openAdmin } from './admin-asked.ts'

interface ModelShown {
  id: string
  isDisabled: boolean
  deployments: { id: string; isDisabled: boolean }[]
}

const spare = (surfaces: string[]) => ({
  id: 'acme/spare',
  aliases: ['gpt-4o'],
  surfaces,
  capabilities: ['tools', 'json'],
  contextTokens: 100,
  prices: { prompt: 1, completion: 1 },
})
const good = { ...spare(['openai-chat']), deployments: [] }

test('a disabled model is gone for its callers at once, and back when it is enabled', async () => {
  const all = await openAdmin()
  const turn = (action: string, body = { model: 'test-model' }) =>
    all.admin<ModelShown>('POST', `/admin/models/${action}`, body)
  expect((await turn('disable')).body).toMatchObject({ id: 'test-model', isDisabled: true })
  expect(await calls(all, testKey)).toBe(404)
  const listed = await all.admin<{ data: ModelShown[] }>('GET', '/admin/models')
  expect(listed.body.data).toMatchObject([{ id: 'test-model', isDisabled: true }])
  await turn('enable')
  expect(await calls(all, testKey)).toBe(200)
})

test('a model without a deployment that is on has none', async () => {
  const all = await openAdmin()
  const body = { model: 'test-model', deployment: 'test-deployment' }
  const { body: shown } = await all.admin<ModelShown>('POST', '/admin/models/disable', body)
  expect(shown).toMatchObject({ isDisabled: false, deployments: [{ isDisabled: true }] })
  const refused = await all.gateway.post(chat())
  expect(refused.status).toBe(503)
  expect(await refused.json()).toMatchObject({ error: { code: 'no_deployment' } })
})

test('a model that is applied can be asked for at once, and one that is gone cannot', async () => {
  const all = await openAdmin()
  const apply = (id: string) => {
    const model = { ...modelAt({ baseUrl: all.upstream.url }, id), surfaces: ['openai-chat'] }
    return all.admin('POST', '/admin/models/apply', { models: [model], force: true })
  }
  const status = async (model: string) => (await all.gateway.post(chat({ model }))).status
  for (const [id, other] of [
    ['one', 'test-model'],
    ['two', 'one'],
  ] as const) {
    expect((await apply(id)).status).toBe(200)
    expect([await status(id), await status(other)]).toEqual([200, 404])
  }
})

test('a deployment that is gone is in no metric any more', async () => {
  const all = await openAdmin()
  expect(await calls(all, testKey)).toBe(200)
  const model = modelAt({ baseUrl: all.upstream.url }, 'test-model', 'next-deployment')
  const body = { models: [{ ...model, surfaces: ['openai-chat'] }], force: true }
  expect((await all.admin('POST', '/admin/models/apply', body)).status).toBe(200)
  expect(await calls(all, testKey)).toBe(200)
  const states = (await all.gateway.metrics()).match(/^podgate_circuit_state\{.*$/gm)
  expect(states).toEqual(['podgate_circuit_state{deployment="next-deployment"} 0'])
})

test('apply tells what it changes, and a dry run changes nothing', async () => {
  const { admin } = await openAdmin()
  const body = { models: [good], force: true }
  const diff = { added: ['acme/spare'], removed: ['test-model'], changed: [] }
  const dry = await admin('POST', '/admin/models/apply', { ...body, dryRun: true })
  expect(dry.body).toMatchObject({ dryRun: true, ...diff })
  expect((await admin('GET', '/admin/models/test-model')).status).toBe(200)
  const done = await admin('POST', '/admin/models/apply', body)
  expect(done.body).toMatchObject({ dryRun: false, ...diff })
  expect((await admin('GET', '/admin/models/test-model')).status).toBe(404)
  expect((await admin('GET', '/admin/models/acme/spare')).body).toMatchObject({
    aliases: ['gpt-4o'],
    capabilities: ['tools', 'json'],
  })
})

test('apply refuses what would break keys in use, and names them', async () => {
  const all = await openAdmin()
  const { id } = await make(all, { models: ['test-model'] })
  const refused = await all.admin<{ error: { message: string } }>('POST', '/admin/models/apply', {
    models: [good],
  })
  expect(refused).toMatchObject({
    status: 409,
    body: { error: { code: 'breaks_keys', param: 'force' } },
  })
  expect(refused.body.error.message).toContain(`${id} (web) would lose test-model on`)
  expect(await calls(all, testKey)).toBe(200)
})

test('how a model is routed is applied and shown', async () => {
  const { admin } = await openAdmin()
  const terms = { weight: 0, thirdParty: true, firstByteMs: 300, warmForMs: 0 }
  const deployments = [{ id: 'd', kind: 'runpod', servedName: 's', slots: 1, ...terms }]
  const model = { ...good, routing: 'weighted', policy: { allowThirdParty: true }, deployments }
  const body = { models: [model], force: true }
  expect((await admin('POST', '/admin/models/apply', body)).status).toBe(200)
  const { thirdParty: isThirdParty, ...kept } = terms
  expect((await admin('GET', '/admin/models/acme/spare')).body).toMatchObject({
    routing: 'weighted',
    policy: { allowThirdParty: true },
    deployments: [{ ...kept, isThirdParty, orphanHoldMs: null }],
  })
})

test('a key that may not use third parties lets no model use them', async () => {
  const all = await openAdmin()
  const apply = async (thirdParty: boolean) => {
    const { secret } = await make(all, { scopes: ['admin'], thirdParty })
    const models = [{ ...good, policy: { allowThirdParty: true } }]
    return all.as(secret)('POST', '/admin/models/apply', { models, dryRun: true })
  }
  const param = 'models[0].policy.allowThirdParty'
  expect(await apply(false)).toMatchObject({
    status: 403,
    body: { error: { code: 'exceeds_own_rights', param } },
  })
  expect((await apply(true)).status).toBe(200)
})

test.each<[string, unknown, string]>([
  ['a mistake', { models: [{ ...good, contextTokens: 0 }] }, 'models[0].contextTokens'],
  [
    'the kind `constructor`, a member of every object,',
    { models: [withKind('constructor')] },
    'models[0].deployments[0]',
  ],
  ['an unknown kind', { models: [withKind('magic')] }, 'models[0].deployments[0]'],
  ['an unknown field', { models: [], really: true }, 'really'],
  ['a model without a name', { models: [{}] }, 'models[0].id'],
])('apply refuses %s by its place', async (_what, body, param) => {
  const { admin } = await openAdmin()
  const refused = await admin<{ error: { param: string } }>('POST', '/admin/models/apply', body)
  expect({ status: refused.status, param: refused.body.error.param }).toEqual({
    status: 400,
    param,
  })
})

function withKind(kind: string) {
  return { ...good, deployments: [{ id: 'd', kind, servedName: 's', slots: 1, options: {} }] }
}
