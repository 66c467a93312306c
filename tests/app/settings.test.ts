// What a process is told from outside.
import { beforeAll, expect, test } from 'vitest'
import { readSettings } from '#src/app/settings.ts'

// A developer's own `configs/local.env` is not here.
beforeAll(() => process.chdir(import.meta.dirname))

/* biome-ignore format: a table reads as a table */
test.each([
  ['nothing',         {},                                           true],
  ['an empty URL',    { RUNPOD_BASE_URL: '' },                      true],
  ['RunPod’s key',    { RUNPOD_API_KEY: 'rpa_0123456789' },         false],
  ['an endpoint',     { RUNPOD_ENDPOINT_ID: 'ep' },                 false],
  ['another job API', { RUNPOD_BASE_URL: 'http://127.0.0.1:9/v2' }, false],
])('whether the simulator is wanted, with %s', (_what, env, isWanted) => {
  expect(readSettings(env).wantsSimulator).toBe(isWanted)
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['23 characters',           'prod', 'k'.repeat(23), ['environment API_KEYS, entry 2: has 23 characters; 24 or more are hard to guess']],
  ['24 characters',           'prod', 'k'.repeat(24), []],
  ['23 characters, to try out', 'dev', 'k'.repeat(23), []],
])('API_KEYS with %s in %s', (_what, ENV, key, warnings) => {
  const long = 'l'.repeat(24)
  const settings = readSettings({ ENV, API_KEYS: `${long},${key}`, API_ADMIN_KEY: long.replace('l', 'a') })
  expect(settings.warnings).toEqual(warnings)
})

test('an API_ADMIN_KEY that is short is warned about too', () => {
  const { warnings } = readSettings({ ENV: 'prod', API_ADMIN_KEY: 'a'.repeat(20) })
  expect(warnings).toEqual([
    'environment API_ADMIN_KEY: has 20 characters; 24 or more are hard to guess',
  ])
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['https://vllm.example:8000',       true],
  ['HTTPS://Vllm.example:443/',       true],
  ['https://vllm.example/v1',         false],
  ['https://vllm.example/?a',         false],
  ['https://user:pass@vllm.example',  false],
  ['vllm.example',                    false],
  ['file:///etc',                     false],
  ['*',                               false],
])('%s as an origin for deployments: %s', (origin, isOne) => {
  const read = () => readSettings({}, { options: { 'upstreams.origins': [origin] } })
  if (isOne) expect(read().config.upstreams.origins).toEqual([origin])
  else expect(read).toThrow('allowed: an origin such as https://vllm.example:8000')
})
