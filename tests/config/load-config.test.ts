// Settings come from defaults, files, the environment and flags, and the later source wins. Each
// mistake is told with its place. The schema is a sample of the tests' own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigMistakes, describeOptions, loadConfig } from '#src/config/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'podgate-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const schema = z.object({
  http: z.object({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: z.int().min(0).max(65535).default(8080).describe('Port to listen on.'),
    trustProxy: z.array(z.string()).default([]).describe('Networks of trusted proxies.'),
    cors: z.boolean().default(false).describe('Whether browsers may call.'),
  }),
  log: z.object({
    level: z.enum(['debug', 'info', 'warn']).default('info').describe('How much is logged.'),
  }),
  upstreams: z
    .record(z.string(), z.object({ url: z.string(), retries: z.int().default(1) }))
    .default({})
    .describe('Named upstreams.'),
  rules: z
    .array(z.object({ match: z.string() }))
    .default([])
    .describe('Rules.'),
  name: z.string().nullable().default(null).describe('A name.'),
})
const envNames = {
  API_PORT: 'http.port',
  API_TRUST_PROXY: 'http.trustProxy',
  API_CORS: 'http.cors',
  LOG_LEVEL: 'log.level',
}

let files = 0
function yaml(text: string): string {
  files += 1
  const path = join(folder, `${files}.yaml`)
  writeFileSync(path, text)
  return path
}

interface Given {
  env?: Record<string, string>
  files?: string[]
  flags?: Record<string, unknown>
}

function load(given: Given) {
  const { env = {}, files = [], flags = {} } = given
  const otherEnvNames = ['API_KEYS', 'HF_TOKEN', 'SQLITE_DB_PATH', 'ENV']
  return loadConfig(schema, { env, envNames, otherEnvNames, files, flags })
}

function mistakesOf(given: Given): readonly string[] {
  try {
    load(given)
  } catch (error) {
    if (error instanceof ConfigMistakes) return error.lines
    throw error
  }
  return []
}

describe('layers', () => {
  test('without any source every option has its default', () => {
    const { config, warnings } = load({})
    expect(config.http).toEqual({ host: '127.0.0.1', port: 8080, trustProxy: [], cors: false })
    expect(config.log.level).toBe('info')
    expect(warnings).toEqual([])
  })

  test('flags beat the environment, which beats files, of which later ones win', () => {
    const first = yaml('http: { port: 1, host: "0.0.0.0" }\nlog: { level: debug }')
    const second = yaml('http: { port: 2 }')
    expect(load({ files: [first, second] }).config.http).toMatchObject({ host: '0.0.0.0', port: 2 })
    const env = { API_PORT: '3' }
    expect(load({ files: [first, second], env }).config.http.port).toBe(3)
    const flags = { 'http.port': '4' }
    const { config } = load({ files: [first, second], env, flags })
    expect(config.http.port).toBe(4)
    expect(config.log.level).toBe('debug')
  })

  test('texts of the environment become what the option is', () => {
    const env = { API_PORT: ' 81 ', API_TRUST_PROXY: '10.0.0.0/8, 127.0.0.1', API_CORS: 'true' }
    expect(load({ env }).config.http).toMatchObject({
      port: 81,
      trustProxy: ['10.0.0.0/8', '127.0.0.1'],
      cors: true,
    })
  })

  test('an empty variable, an empty file and an undefined flag set nothing', () => {
    const given = {
      env: { API_PORT: '' },
      files: [yaml('# nothing\n')],
      flags: { name: undefined },
    }
    expect(load(given).config).toEqual(load({}).config)
  })

  test('maps of names take any name', () => {
    const file = yaml('upstreams: { "gpu-1": { url: a }, other: { url: b, retries: 3 } }')
    expect(load({ files: [file] }).config.upstreams).toEqual({
      'gpu-1': { url: 'a', retries: 1 },
      other: { url: 'b', retries: 3 },
    })
  })

  test('the value cannot be changed afterwards', () => {
    const { config } = load({})
    expect(() => Object.assign(config.http, { port: 1 })).toThrow(TypeError)
  })
})

describe('mistakes', () => {
  test('each says where it is, what was given and what is allowed', () => {
    const file = yaml('http: { port: 70000 }\nlog: { level: loud }')
    expect(mistakesOf({ files: [file], flags: { 'http.cors': 'maybe' } })).toEqual([
      `${file}: http.port is 70000; allowed: an integer from 0 to 65535`,
      'flag http.cors: http.cors is "maybe"; allowed: true or false',
      `${file}: log.level is "loud"; allowed: one of debug, info, warn`,
    ])
  })

  test('the environment is named by the variable', () => {
    expect(mistakesOf({ env: { API_PORT: '80a' } })).toEqual([
      'environment API_PORT: http.port is "80a"; allowed: an integer from 0 to 65535',
    ])
  })

  test.each([
    ['http: { prot: 1 }', 'http.prot is not an option; did you mean port?'],
    ['htpp: { port: 1 }', 'htpp is not an option; did you mean http?'],
    ['log: { zzzzz: 1 }', 'log.zzzzz is not an option; allowed here: level'],
    ['rules: [{ match: a, mach: b }]', 'rules.0.mach is not an option; did you mean match?'],
    ['upstreams: { a: { url: x, ulr: y } }', 'upstreams.a.ulr is not an option; did you mean url?'],
    [
      '"__proto__": { x: 1 }',
      '__proto__ is not an option; allowed here: http, log, upstreams, rules, name',
    ],
  ])('an unknown key in a file is refused: %s', (text, said) => {
    const file = yaml(text)
    expect(mistakesOf({ files: [file] })).toEqual([`${file}: ${said}`])
  })

  test('a schema that is strict itself says nothing twice', () => {
    const strict = z.object({ list: z.array(z.strictObject({ match: z.string() })) })
    const file = yaml('list: [{ match: a, mach: b }]')
    const sources = { env: {}, envNames: {}, otherEnvNames: [], files: [file], flags: {} }
    const said = `${file}: list.0.mach is not an option; did you mean match?`
    expect(() => loadConfig(strict, sources)).toThrow(new ConfigMistakes([said]))
  })

  test('what nobody gave and has no default is named', () => {
    const required = z.object({ upstream: z.object({ url: z.string(), slots: z.int().min(1) }) })
    const sources = { env: {}, envNames: {}, otherEnvNames: [], files: [], flags: {} }
    const said = [
      'not given anywhere: upstream.url is missing; allowed: a text',
      'not given anywhere: upstream.slots is missing; allowed: an integer of at least 1',
    ]
    expect(() => loadConfig(required, sources)).toThrow(new ConfigMistakes(said))
  })

  test('a rule of the schema’s own speaks for itself', () => {
    const even = z.object({ count: z.int().refine((n) => n % 2 === 0, 'an even number') })
    const sources = { env: {}, envNames: {}, otherEnvNames: [], files: [], flags: { count: 3 } }
    const said = 'flag count: count is 3; allowed: an even number'
    expect(() => loadConfig(even, sources)).toThrow(new ConfigMistakes([said]))
  })

  test('an unknown flag is refused', () => {
    const said = ['flag: http.prot is not an option; did you mean port?']
    expect(mistakesOf({ flags: { 'http.prot': 1 } })).toEqual(said)
  })

  test('a file that is absent, broken or no map is one line', () => {
    expect(mistakesOf({ files: ['/nowhere/a.yaml'] })).toEqual([
      '/nowhere/a.yaml: cannot be read (ENOENT)',
    ])
    const broken = yaml('http: {\n  port: ]')
    expect(mistakesOf({ files: [broken] })[0]).toMatch(`${broken}:`)
    const alias = yaml('log:\n  level: *loud\n')
    expect(mistakesOf({ files: [alias] })).toEqual([
      `${alias}:2: *loud is an alias of nothing; a text with * is written in quotes`,
    ])
    const list = yaml('- 1')
    expect(mistakesOf({ files: [list] })).toEqual([
      `${list}: [1] was given; allowed: a map of sections`,
    ])
  })

  test('a section that is not a map is a mistake, not an ignored one', () => {
    const file = yaml('http: 8080')
    expect(mistakesOf({ files: [file] })).toEqual([
      `${file}: http is 8080; allowed: a map of names to values`,
    ])
  })

  test('a mapping of the environment to no option is our own mistake', () => {
    const sources = { env: {}, otherEnvNames: [], files: [], flags: {} }
    const wrong = { ...sources, envNames: { API_X: 'http.x' } }
    expect(() => loadConfig(schema, wrong)).toThrow('API_X sets http.x')
  })
})

describe('near misses in the environment', () => {
  test.each([
    ['API_KEY', 'API_KEYS'],
    ['API_PROT', 'API_PORT'],
    ['LOG_LEVLE', 'LOG_LEVEL'],
    ['SQLITE_DBPATH', 'SQLITE_DB_PATH'],
  ])('%s is warned about', (given, meant) => {
    expect(load({ env: { [given]: 'x' } }).warnings).toEqual([
      `environment ${given}: is not known and has no effect; did you mean ${meant}?`,
    ])
  })

  test.each(['PATH', 'GH_TOKEN', 'VLLM_PORT', 'RUNPOD_POD_ID', 'END', 'HOME', 'EDITOR'])(
    '%s is nobody’s business',
    (name) => expect(load({ env: { [name]: 'x' } }).warnings).toEqual([]),
  )
})

test('aliases that multiply without end are a mistake, and cost nothing', () => {
  const rows = Array.from({ length: 30 }, (_, n) => `  a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`)
  const bomb = yaml(`http:\n  a0: &a0 [x, x]\n${rows.join('\n')}\n`)
  expect(mistakesOf({ files: [bomb] })).toEqual([expect.stringContaining(`${bomb}:1: its aliases`)])
})

test('options describe themselves for the documentation', () => {
  expect(describeOptions(schema)).toContainEqual({
    path: 'http.port',
    type: 'an integer from 0 to 65535',
    default: 8080,
    description: 'Port to listen on.',
  })
  const name = describeOptions(schema).find((row) => row.path === 'name')
  expect(name).toMatchObject({ type: 'a text, or null', default: null })
})
