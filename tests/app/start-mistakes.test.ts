// What a gateway may start without, and where: no half configuration starts, and no whole one is
// refused.
import { expect, test } from 'vitest'
import { refuseHalfConfigured, type StartFacts, unreadableMedia } from '#src/app/start-mistakes.ts'
import { kinds } from '#src/upstreams/index.ts'
import { sampleModel } from '../support/sample-model.ts'
import { sampleDeployment } from '../support/scripted-deployment.ts'
import { modelAt, startTestGateway } from '../support/test-gateway.ts'

const simulated = sampleModel({
  deployments: [sampleDeployment({ kind: 'runpod', options: { endpointId: 'sim-phi' } })],
})

function told(section: object, key: string | null = 'a-key') {
  return { settingsOf: () => ({ section, secret: () => key }) }
}

const whole: StartFacts = {
  environment: 'prod',
  models: [sampleModel()],
  keyCount: 1,
  kinds,
  ...told({ endpointId: 'ep' }),
}

/* biome-ignore format: a table reads as a table */
test.each<[string, Partial<StartFacts>, string | null]>([
  ['all that it needs', {}, null],
  ['no keys', { keyCount: 0 }, 'API_KEYS is missing'],
  ['no keys, while developing', { keyCount: 0, environment: 'dev' }, null],
  ['no models', { models: [] }, 'the registry has no models'],
  ['no models, while developing', { models: [], environment: 'dev' }, null],
  ['models of development, at RunPod itself', { models: [simulated] }, 'the models of development (deployment-1)'],
  ['models of development, at a job API that runs elsewhere', { models: [simulated], ...told({ baseUrl: 'http://127.0.0.1:9/v2' }) }, null],
  ['models of development, while developing', { models: [simulated], environment: 'dev' }, null],
  ['no key for RunPod, while developing', { models: [simulated], environment: 'dev', ...told({}, null) }, 'RUNPOD_API_KEY is missing'],
])('with %s', (_what, changes, mistake) => {
  const start = () => refuseHalfConfigured({ ...whole, ...changes })
  if (mistake === null) expect(start).not.toThrow()
  else expect(start).toThrow(mistake)
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['remote media, and nothing to read them', { policy: { remoteMedia: true } },                                        'remoteMedia'],
  ['trusted media, and nothing to read them', { policy: { trustedMedia: true }, capabilities: ['tools'] as const },    'trustedMedia'],
  ['remote media for one that sees',          { policy: { remoteMedia: true }, capabilities: ['vision'] as const },    null],
  ['trusted media for one that hears',        { policy: { trustedMedia: true }, capabilities: ['audio'] as const },    null],
  ['media only where they come whole',        { policy: { remoteMedia: false } },                                      null],
  ['no policy at all',                        {},                                                                      null],
])('a model whose policy allows %s', (_what, changes, named) => {
  const warnings = unreadableMedia([sampleModel(changes)])
  expect(warnings).toEqual(named === null ? [] : [expect.stringContaining(named)])
})

test('a gateway that starts warns of each such model', async () => {
  const baseUrl = 'http://127.0.0.1:9'
  const blind = { ...modelAt({ baseUrl }), policy: { remoteMedia: true } }
  await using gateway = await startTestGateway({ baseUrl, models: [blind] })
  const line = await gateway.logged({ event: 'config' })
  expect(line.message).toContain('test-model: its policy allows remoteMedia')
})
