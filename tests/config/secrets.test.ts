// Secrets are read from the environment by name. Printing or serialising the object that holds
// them shows none.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { ConfigMistakes, loadEnvFile, readSecrets } from '#src/config/index.ts'

const declared = ['RUNPOD_API_KEY', /^EXTERNAL_.+_KEY$/]
const env = {
  API_KEYS: 'first-key-0123456789, second-key-0123456789,',
  API_ADMIN_KEY: 'admin-key-0123456789',
  RUNPOD_API_KEY: 'rpa_canary',
  EXTERNAL_TOGETHER_AI_KEY: 'together-canary',
  HF_TOKEN: '',
  PATH: '/bin',
}

test('secrets are read by name; what is empty is not given', () => {
  const secrets = readSecrets(env, declared)
  expect(secrets.apiKeys).toEqual(['first-key-0123456789', 'second-key-0123456789'])
  expect(secrets.adminKey).toBe('admin-key-0123456789')
  expect(secrets.named('RUNPOD_API_KEY')).toBe('rpa_canary')
  expect(secrets.named('HF_TOKEN')).toBeNull()
  expect(secrets.named('EXTERNAL_TOGETHER_AI_KEY')).toBe('together-canary')
  expect(secrets.named('EXTERNAL_NOBODY_KEY')).toBeNull()
  expect(secrets.named('PATH')).toBeNull()
  expect(new Set(secrets.all())).toEqual(
    new Set([...secrets.apiKeys, 'admin-key-0123456789', 'rpa_canary', 'together-canary']),
  )
})

test.each([
  ['API_KEYS', true],
  ['API_ADMIN_KEY', true],
  ['RUNPOD_API_KEY', true],
  ['HF_TOKEN', true],
  ['OPENROUTER_API_KEY', true],
  ['EXTERNAL_ANY_KEY', true],
  ['EXTERNAL_ANY_URL', false],
  ['MODEL_NAME', false],
])('%s is one: %s', (name, isSecret) => {
  const given = 'given-0123456789-canary'
  expect(readSecrets({ [name]: given }, declared).all()).toEqual(isSecret ? [given] : [])
})

test('showing, serialising, spreading and printing shows none of them', () => {
  const secrets = readSecrets(env, declared)
  const views = [
    JSON.stringify({ secrets }),
    JSON.stringify({ ...secrets }),
    inspect(secrets, { showHidden: true, depth: 5 }),
    inspect({ nested: { secrets } }),
    `${secrets}`,
  ]
  for (const view of views) expect(view).not.toMatch(/canary|0123456789/)
})

test('a key that is too short or unfit for a header is a mistake that does not show it', () => {
  const given = { API_KEYS: 'good-key-0123456789,tooshort', API_ADMIN_KEY: 'with space 0123456789' }
  try {
    readSecrets(given, declared)
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigMistakes)
    expect(error instanceof ConfigMistakes && error.lines).toEqual([
      'environment API_KEYS, entry 2: a key of 8 characters was given; allowed: 16 or more',
      'environment API_ADMIN_KEY: a key with characters that no header carries was given; ' +
        'allowed: visible ASCII without spaces',
    ])
  }
})

const names = [
  'API_KEYS',
  'API_ADMIN_KEY',
  'RUNPOD_API_KEY',
  'HF_TOKEN',
  'OPENROUTER_API_KEY',
  'EXTERNAL_ANY_KEY',
]
const unfit = {
  'a line break at its end': 'canary-0123456789\n',
  'a space before it': ' canary-0123456789',
  'a line break within': 'canary-01\n23456789',
  'a space within': 'canary-01 23456789',
  'a control character': 'canary-01\x0023456789',
  'a letter beyond ASCII': 'canary-é123456789',
  'white space alone': ' ',
}

test.each(
  names.flatMap((name) => Object.entries(unfit).map(([what, given]) => ({ name, what, given }))),
)('$name with $what is a mistake at the start, which does not show it', ({ name, given }) => {
  // Entries of a list may be written with space around them.
  if (name === 'API_KEYS' && given.trim() !== given) {
    return expect(readSecrets({ [name]: given }, declared).apiKeys.join()).toBe(given.trim())
  }
  try {
    readSecrets({ [name]: given, EXTERNAL_GOOD_KEY: 'good' }, declared)
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigMistakes)
    const lines = error instanceof ConfigMistakes ? error.lines : []
    for (const line of lines) expect(line).toContain(`environment ${name}`)
    expect(lines.join()).toMatch(/characters that no header carries|white space around it/)
    expect(lines.join()).not.toMatch(/canary|23456789/)
  }
})

test('an env file adds to the environment, does not override it, and may be absent', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'podgate-env-')), 'local.env')
  writeFileSync(path, '# a comment\nAPI_PORT=1\nLOG_LEVEL="debug"\nHF_TOKEN=hf\n')
  const target: Record<string, string | undefined> = { API_PORT: '2', HF_TOKEN: '' }
  loadEnvFile(path, target)
  loadEnvFile(`${path}.absent`, target)
  expect(target).toEqual({ API_PORT: '2', LOG_LEVEL: 'debug', HF_TOKEN: 'hf' })
})
