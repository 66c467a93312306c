// An admin key repoints every field of a deployment that it can. The account's keys, and the prompts
// of everybody else, are seen nowhere but at the origins that the configuration names.
import { expect, onTestFinished, test } from 'vitest'
import { canary, found } from '../support/canaries.ts'
import { goodAnswer, type ScriptedUpstream, startUpstream } from '../support/scripted-upstream.ts'
import { adminKey, chat, startTestGateway } from '../support/test-gateway.ts'

const runpodKey = canary('runpod key', 'rpa_')
const externalKey = canary('external key', 'ek-')
const operatorKey = canary('operator key', 'ok-')
const prompt = canary('prompt', 'Hi ')

interface Deployment {
  id: string
  kind: string
  servedName: string
  slots: number
  options: Record<string, unknown>
}

interface Model {
  id: string
  surfaces: string[]
  contextTokens: number
  prices: object
  deployments: Deployment[]
}

function model(id: string, ...deployments: Deployment[]): Model {
  const prices = { prompt: 1, completion: 1 }
  return { id, surfaces: ['openai-chat'], contextTokens: 4096, prices, deployments }
}

function onRunpod(id: string, options: Record<string, unknown> = {}): Deployment {
  return {
    id,
    kind: 'runpod',
    servedName: 's',
    slots: 8,
    options: { endpointId: 'ep', ...options },
  }
}

function elsewhere(id: string, options: Record<string, unknown>): Deployment {
  return { id, kind: 'openai-compatible', servedName: 's', slots: 8, options }
}

/** Of what `/admin` answers, that which is looked at. */
interface Said {
  secret?: string
  error?: { message: string; param: string }
}

/** Two tenants' models at RunPod, and one that the operator has put elsewhere by a command. */
async function openScene() {
  const start = async () => {
    const server = await startUpstream(goodAnswer)
    onTestFinished(() => server[Symbol.asyncDispose]())
    return server
  }
  const servers = { runpod: await start(), listed: await start(), operators: await start() }
  const stranger = await start()
  const far = elsewhere('far-d', { baseUrl: servers.operators.url, apiKeyEnv: 'EXTERNAL_FAR_KEY' })
  const models = [
    model('mine', onRunpod('mine-d')),
    model('theirs', onRunpod('theirs-d')),
    model('far', far),
  ]
  const gateway = await startTestGateway({
    baseUrl: servers.runpod.url,
    models,
    secrets: {
      RUNPOD_API_KEY: runpodKey.text,
      EXTERNAL_TEST_KEY: externalKey.text,
      EXTERNAL_FAR_KEY: operatorKey.text,
    },
    sections: { runpod: { baseUrl: `${servers.runpod.url}/v2` } },
    config: { upstreams: { origins: [servers.listed.url] } },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  const ask = async (token: string, path: string, body?: unknown) => {
    const response = await fetch(`${gateway.url}/admin/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Said }
  }
  return {
    ...servers,
    stranger,
    models,
    admin: (path: string, body?: unknown) => ask(adminKey, path, body),
    as: (token: string) => (path: string, body?: unknown) => ask(token, path, body),
    /** Everybody's calls, with a canary in each prompt. */
    async callAll() {
      const messages = [{ role: 'user', content: prompt.text }]
      const statuses = ['mine', 'theirs', 'far'].map(async (id) => {
        const response = await gateway.post(chat({ model: id, messages }))
        await response.text()
        return response.status
      })
      return Promise.all(statuses)
    },
  }
}

type Scene = Awaited<ReturnType<typeof openScene>>

/** The models as an attacker would have them. */
type Attack = (scene: Scene) => Model[]

/** In place of the attacker's own model; the others stay as they are. */
const mine =
  (change: (scene: Scene) => Deployment[]): Attack =>
  (scene) => [model('mine', ...change(scene)), ...scene.models.slice(1)]

const [port, alias] = [({ url }: ScriptedUpstream) => new URL(url).port, 'localhost'] as const

const attacks: Record<string, Attack> = {
  'another baseUrl': mine(({ stranger }) => [onRunpod('mine-d', { baseUrl: stranger.url })]),
  'another scheme': mine(({ runpod }) => [
    onRunpod('mine-d', { baseUrl: runpod.url.replace('http', 'https') }),
  ]),
  'another name of the host': mine(({ stranger }) => [
    onRunpod('mine-d', { baseUrl: `http://${alias}:${port(stranger)}/v2` }),
  ]),
  'the right origin as a path': mine(({ stranger, runpod }) => [
    onRunpod('mine-d', { baseUrl: `${stranger.url}/${runpod.url}` }),
  ]),
  'the right origin as a password': mine(({ stranger, runpod }) => [
    onRunpod('mine-d', { baseUrl: stranger.url.replace('//', `//${new URL(runpod.url).host}@`) }),
  ]),
  'another kind': mine(({ stranger }) => [elsewhere('mine-d', { baseUrl: stranger.url })]),
  'another kind with a key': mine(({ stranger }) => [
    elsewhere('mine-d', { baseUrl: stranger.url, apiKeyEnv: 'EXTERNAL_TEST_KEY' }),
  ]),
  'one more deployment': mine(({ stranger }) => [
    onRunpod('mine-d'),
    onRunpod('new-d', { baseUrl: stranger.url }),
  ]),
  'a new model': ({ models, stranger }) => [
    ...models,
    model('new', onRunpod('new-d', { baseUrl: stranger.url })),
  ],
  'another tenant’s deployment': ({ models: [own, , far], stranger }) =>
    [own, model('theirs', onRunpod('theirs-d', { baseUrl: stranger.url })), far].flatMap(
      (one) => one ?? [],
    ),
  'a key beside the operator’s host': ({ models, operators }) => [
    ...models.slice(0, 2),
    model('far', elsewhere('far-d', { baseUrl: operators.url, apiKeyEnv: 'EXTERNAL_TEST_KEY' })),
  ],
  'RunPod’s key for the operator’s host': ({ models, operators }) => [
    ...models.slice(0, 2),
    model('far', onRunpod('far-d', { baseUrl: operators.url })),
  ],
  'the operator’s host for another tenant': ({ models }) => [
    ...models.slice(0, 1),
    model('theirs', ...(models[2]?.deployments ?? [])),
    model('far', onRunpod('theirs-d')),
  ],
  'the operator’s host under another name': ({ models }) => [
    ...models.slice(0, 2),
    model('far', ...(models[2]?.deployments ?? []).map((one) => ({ ...one, id: 'other' }))),
  ],
}

test.each(Object.entries(attacks))(
  '%s is refused, and nothing goes there',
  async (_name, attack) => {
    const scene = await openScene()
    const before = (await scene.admin('models')).body
    const models = attack(scene)
    for (const body of [
      { models, dryRun: true },
      { models, force: true },
    ]) {
      const refused = await scene.admin('models/apply', body)
      expect([400, 403]).toContain(refused.status)
      expect(refused.body.error?.param).toMatch(/^models\[\d]\.deployments\[\d]/)
      expect(JSON.stringify(refused.body)).not.toContain(port(scene.stranger))
    }
    // Also while it is off, and on again afterwards.
    await scene.admin('models/disable', { model: 'mine' })
    expect((await scene.admin('models/apply', { models, force: true })).status).not.toBe(200)
    await scene.admin('models/enable', { model: 'mine' })
    expect((await scene.admin('models')).body).toEqual(before)
    expect(await scene.callAll()).toEqual([200, 200, 200])
    expectNothingAstray(scene)
  },
)

test('an admin key for one model repoints it nowhere else', async () => {
  const scene = await openScene()
  const rights = { scopes: ['admin', 'chat'], models: ['mine'] }
  const made = await scene.admin('keys', { name: 'one model', ...rights })
  const apply = scene.as(made.body.secret ?? '')
  for (const name of ['another baseUrl', 'another kind with a key', 'one more deployment']) {
    const models = attacks[name]?.(scene)
    const refused = await apply('models/apply', { models })
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'exceeds_own_rights' } } })
    expect(refused.body.error?.message).toContain('upstreams.origins')
  }
  expect(await scene.callAll()).toEqual([200, 200, 200])
  expectNothingAstray(scene)
})

/** Each place in a model that holds something, or might. */
const fields = [
  ...['id', 'ownedBy', 'aliases.0', 'surfaces.0', 'policy', 'baseUrl', 'url'],
  ...['id', 'kind', 'servedName', 'gpu', 'baseUrl'].map((name) => `deployments.0.${name}`),
  ...['endpointId', 'baseUrl', 'apiKeyEnv', 'dialect', 'proxy', 'headers', 'url', '__proto__'].map(
    (name) => `deployments.0.options.${name}`,
  ),
]

/** JSON, so that `__proto__` is a member like others. */
function withField(value: unknown, [name = '', ...path]: readonly string[], set: string): string {
  if (name === '') return JSON.stringify(set)
  const known = Object.entries(value ?? {}).filter(([other]) => other !== name)
  const inner = Object.getOwnPropertyDescriptor(value ?? {}, name)?.value
  if (name === '0') return `[${withField(inner, path, set)}]`
  const members = known.map(([other, one]) => `${JSON.stringify(other)}:${JSON.stringify(one)}`)
  return `{${[...members, `"${name}":${withField(inner, path, set)}`].join()}}`
}

test('every field of a model that takes a text is given the stranger’s address', async () => {
  const scene = await openScene()
  const [own, ...others] = scene.models
  const { host } = new URL(scene.stranger.url)
  const taken = new Set<string>()
  for (const field of fields) {
    for (const text of [scene.stranger.url, `//${host}`, `@${host}/`, host]) {
      const changed = withField(own, field.split('.'), text)
      const models = `[${[changed, ...others.map((one) => JSON.stringify(one))].join()}]`
      const { status } = await scene.admin('models/apply', `{"force":true,"models":${models}}`)
      if (status !== 200) continue
      taken.add(field)
      await scene.callAll()
    }
  }
  // Names alone, and a member that is left out: nothing of how a deployment is reached.
  const names = ['id', 'ownedBy', 'aliases.0', 'deployments.0.id', 'deployments.0.servedName']
  expect(taken).toEqual(new Set([...names, 'deployments.0.options.__proto__']))
  expectNothingAstray(scene)
})

/* biome-ignore format: a table reads as a table */
test.each<[string, (scene: Scene) => Deployment]>([
  ['another endpoint of the account', () => onRunpod('mine-d', { endpointId: 'other' })],
  ['another path at RunPod’s origin', ({ runpod }) => onRunpod('mine-d', { baseUrl: `${runpod.url}/v3` })],
  ['another kind at RunPod’s origin', ({ runpod }) => elsewhere('mine-d', { baseUrl: runpod.url })],
  ['an origin of the list',           ({ listed }) => elsewhere('mine-d', { baseUrl: `${listed.url}/v1`, apiKeyEnv: 'EXTERNAL_TEST_KEY' })],
  ['another id',                      () => onRunpod('new-d')],
])('%s is where it may lead', async (_name, deployment) => {
  const scene = await openScene()
  const models = mine(() => [deployment(scene)])(scene)
  expect((await scene.admin('models/apply', { models })).status).toBe(200)
  expect(await scene.callAll()).toEqual([200, 200, 200])
  expectNothingAstray(scene)
})

test('what a command has put elsewhere stays there, and the rest of its model may change', async () => {
  const scene = await openScene()
  const [own, theirs, far] = scene.models
  const models = [own, theirs, { ...far, contextTokens: 2048, aliases: ['distant'] }]
  expect((await scene.admin('models/apply', { models })).status).toBe(200)
  expect(await scene.callAll()).toEqual([200, 200, 200])
  expect(scene.operators.calls).toHaveLength(1)
  expectNothingAstray(scene)
})

test('RunPod’s base URL is the one in force: where RunPod runs in this process, that', async () => {
  const inForce = await startUpstream(goodAnswer)
  onTestFinished(() => inForce[Symbol.asyncDispose]())
  const configured = await startUpstream(goodAnswer)
  onTestFinished(() => configured[Symbol.asyncDispose]())
  const gateway = await startTestGateway({
    baseUrl: inForce.url,
    models: [],
    sections: { runpod: { baseUrl: `${configured.url}/v2` } },
    additions: { simulator: { url: inForce.url, key: runpodKey.text } },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  const apply = async ({ url }: ScriptedUpstream) => {
    const models = [model('mine', onRunpod('mine-d', { baseUrl: url }))]
    const response = await fetch(`${gateway.url}/admin/models/apply`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ models }),
    })
    return response.status
  }
  expect([await apply(configured), await apply(inForce)]).toEqual([403, 200])
})

function expectNothingAstray({ stranger, operators, listed, runpod }: Scene): void {
  expect(stranger.calls).toEqual([])
  expect(stranger.openSockets()).toBe(0)
  const seen = ({ calls }: ScriptedUpstream) =>
    calls.map(({ request, body }) => JSON.stringify([request.rawHeaders, request.url, body])).join()
  expect(found([runpodKey, externalKey], seen(operators))).toEqual([])
  expect(found([operatorKey], seen(runpod) + seen(listed))).toEqual([])
  // The search would have found what there is to find.
  expect(found([prompt], seen(runpod))).not.toEqual([])
  expect(found([runpodKey], seen(runpod))).not.toEqual([])
}
