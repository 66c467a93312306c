// The table of kinds: what a deployment's options must be, and where they lead.
import { describe, expect, test } from 'vitest'
import { checkDeployment, openUpstream, originsOf, upstreamOptions } from '#src/upstreams/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleDeployment } from '../support/scripted-deployment.ts'

const here = 'http://127.0.0.1:1'

/* biome-ignore format: a table reads as a table */
describe.each([
  ['runpod',            {},                                          []],
  ['runpod',            { endpointId: 'abc-1_2', baseUrl: `${here}/v2` }, []],
  ['runpod',            { endpointId: '../v1' },                     ['options.endpointId: ']],
  ['runpod',            { baseUrl: 'file:///etc/passwd' },           ['options.baseUrl: ']],
  ['runpod',            { endpoint: 'x' },                           ['options.: ']],
  ['openai-compatible', { baseUrl: here },                           []],
  ['openai-compatible', { baseUrl: here, apiKeyEnv: 'EXTERNAL_A_KEY', dialect: 'openai' }, []],
  ['openai-compatible', { baseUrl: `${here}/llm` },                  []],
  ['openai-compatible', { baseUrl: `${here}/v1` },                   []],
  ['openai-compatible', {},                                          ['options.baseUrl: ']],
  ['openai-compatible', { baseUrl: here, apiKeyEnv: 'RUNPOD_API_KEY' }, ['options.apiKeyEnv: ']],
  ['openai-compatible', { baseUrl: here, dialect: 'other' },         ['options.dialect: ']],
  ['constructor',       {},                                          ['kind: constructor is not one of runpod, openai-compatible']],
  ['__proto__',         {},                                          ['kind: __proto__ is not one of runpod, openai-compatible']],
  ['unheard-of',        {},                                          ['kind: unheard-of is not one of runpod, openai-compatible']],
])('%s with %j', (kind, options, mistakes) => {
  test(mistakes.length === 0 ? 'is right' : 'is wrong, and says where', () => {
    const said = checkDeployment(kind, options)
    expect(said).toEqual(mistakes.map((start) => expect.stringContaining(start)))
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['runpod',            { baseUrl: 'https://Here.example:443/v2' }, ['https://here.example']],
  ['runpod',            {},                                         ['https://configured.example']],
  ['openai-compatible', { baseUrl: 'http://here.example:8000/v1' }, ['http://here.example:8000']],
  ['constructor',       {},                                         []],
])('%s with %j leads to %j', (kind, options, origins) => {
  const section = { baseUrl: 'https://configured.example/v2' }
  expect(originsOf({ kind, options }, { section, secret: () => null })).toEqual(origins)
})

describe('places', () => {
  const open = (kind: string, slots: number) =>
    openUpstream({
      deployment: sampleDeployment({ kind, slots, options: { baseUrl: here } }),
      latest: () => sampleDeployment({ slots }),
      options: upstreamOptions.parse({}),
      settings: { section: {}, secret: () => null },
      clock: createFakeClock(),
    })

  test('of an endpoint that scales to zero: one, until it is awake', () => {
    expect(open('runpod', 8).capacity()).toBe(1)
    expect(open('runpod', 8).readiness()).toMatchObject({ state: 'cold' })
  })

  test('of a server of one’s own: all of them', () => {
    expect(open('openai-compatible', 8).capacity()).toBe(8)
  })

  test('that are none: nothing is spoken', () => {
    expect(open('openai-compatible', 0).speaks('openai-chat')).toBeNull()
  })
})
