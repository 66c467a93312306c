// `podgate keys`: create, list, show, rotate, revoke and audit. A new secret is alone on standard
// output, so that a script can read it.
import { stripVTControlCharacters } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { createKey, isPodgateKey, keyRequestSchema, openKeyring, termsOf } from '#src/keys/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { commandNowMs, commandsOver, jsonOf } from '../support/run-commands.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const dayMs = 86_400_000

test('create prints the secret alone on standard output, and says that it is shown once', async () => {
  const run = commandsOver(temporaryStorage())
  const { code, out, err } = await run('keys', 'create', '--name', 'website')
  expect(code).toBe(0)
  expect(isPodgateKey(out)).toBe(true)
  expect(err).toMatch(/^Key key_\w+ \(website\) was made\..*cannot be shown again\.$/)
  const listed = await run('keys', 'list')
  expect(listed.out).toContain('website')
  expect(listed.out).not.toContain(out)
})

test('a key made by the command opens the gateway’s door', async () => {
  const storage = temporaryStorage()
  const { out: secret } = await commandsOver(storage)('keys', 'create', '--name', 'website')
  const registry = await openRegistry(storage)
  const options = { bootstrapKeys: [], adminKey: null, clock: createFakeClock(), pollMs: 500 }
  const keyring = await openKeyring(registry, options)
  onTestFinished(async () => {
    keyring[Symbol.dispose]()
    await registry.close()
  })
  expect(keyring.verify(secret)).toMatchObject({ name: 'website', scopes: ['chat', 'embeddings'] })
})

test('create keeps everything that was asked for', async () => {
  const run = commandsOver(temporaryStorage())
  const given = (
    '--name web --team t1 --models a,b --rpm 60 --tpm 9000 --concurrency 4 ' +
    '--scopes admin,chat --third-party true --expires 30d --json'
  ).split(' ')
  const made = jsonOf(await run('keys', 'create', ...given))
  const key = {
    name: 'web',
    teamId: 't1',
    models: ['a', 'b'],
    scopes: ['chat', 'admin'],
    requestsPerMinute: 60,
    tokensPerMinute: 9000,
    concurrencyMax: 4,
    thirdParty: true,
    createdAtMs: commandNowMs,
    expiresAtMs: commandNowMs + 30 * dayMs,
  }
  expect(made).toMatchObject(key)
  const listed = jsonOf(await run('keys', 'list', '--json'))
  expect(listed).toMatchObject({ keys: [{ ...key, state: 'active', revokedAtMs: null }] })
  expect(JSON.stringify(listed)).not.toMatch(/secret|hash|pk-podgate/)
  expect(made).toMatchObject({ state: 'active', secret: expect.stringMatching(/^pk-podgate-/) })
})

test('create notes models that do not exist', async () => {
  const run = commandsOver(temporaryStorage())
  const { code, err } = await run('keys', 'create', '--name', 'web', '--models', 'gtp-5')
  expect(code).toBe(0)
  expect(err).toContain('Note: there is no such model yet: gtp-5.')
})

test('revoke refuses a key from then on, and list says so', async () => {
  const run = commandsOver(temporaryStorage())
  const made = jsonOf(await run('keys', 'create', '--name', 'web', '--json'))
  const { id } = made as { id: string }
  expect(await run('keys', 'revoke', id)).toEqual({
    code: 0,
    out: `Key ${id} (web) is revoked.`,
    err: '',
  })
  expect((await run('keys', 'list')).out).toMatch(new RegExp(`${id} .* revoked$`, 'm'))
})

test('list tells an expired key from an active one', async () => {
  const storage = temporaryStorage()
  await commandsOver(storage)('keys', 'create', '--name', 'old', '--expires', '1h')
  const later = commandsOver(storage, { nowMs: () => commandNowMs + 3_600_000 })
  expect((await later('keys', 'list')).out).toMatch(/expired$/)
})

test('revoking a key that is not there is a failure, not wrong usage', async () => {
  const result = await commandsOver(temporaryStorage())('keys', 'revoke', 'key_x')
  expect(result).toEqual({ code: 1, out: '', err: 'The key key_x does not exist.' })
})

async function madeKey(run: ReturnType<typeof commandsOver>) {
  const made = jsonOf(await run('keys', 'create', '--name', 'web', '--team', 't1', '--json'))
  return made as { id: string; secret: string }
}

test('rotate prints the new secret alone, and says how long the old one goes on', async () => {
  const run = commandsOver(temporaryStorage())
  const { id, secret } = await madeKey(run)
  const { code, out, err } = await run('keys', 'rotate', id)
  expect(code).toBe(0)
  expect(isPodgateKey(out)).toBe(true)
  expect(out).not.toBe(secret)
  expect(err).toMatch(/^Key key_\w+ \(web\) has a new secret\. The old one goes on for 24h\./)
  const now = await run('keys', 'rotate', id, '--overlap', '0s')
  expect(now.err).toContain('The old one is refused from now on.')
  const json = jsonOf(await run('keys', 'rotate', id, '--overlap', '1h', '--json'))
  expect(json).toMatchObject({ id, overlapUntilMs: commandNowMs + 3_600_000 })
})

test('a revoked key cannot be rotated: exit code 1', async () => {
  const run = commandsOver(temporaryStorage())
  const { id } = await madeKey(run)
  await run('keys', 'revoke', id)
  const result = await run('keys', 'rotate', id)
  expect(result).toEqual({ code: 1, out: '', err: `The key ${id} is revoked, and stays so.` })
})

test('an expired key cannot be rotated either: no secret is shown that opens nothing', async () => {
  const storage = temporaryStorage()
  const made = await commandsOver(storage)(
    'keys',
    'create',
    '--name',
    'a',
    '--expires',
    '1h',
    '--json',
  )
  const { id } = jsonOf(made) as { id: string }
  const later = commandsOver(storage, { nowMs: () => commandNowMs + 3_600_000 })
  expect(await later('keys', 'rotate', id)).toEqual({
    code: 1,
    out: '',
    err: `The key ${id} has expired: a new secret would open nothing.`,
  })
})

test('show has every field of a key and never its secret', async () => {
  const run = commandsOver(temporaryStorage())
  const { id, secret } = await madeKey(run)
  await run('keys', 'rotate', id, '--overlap', '1h')
  const { out } = await run('keys', 'show', id)
  expect(out).toBe(
    [
      `id                   ${id}`,
      'name                 web',
      'state                active',
      'team                 t1',
      'scopes               chat, embeddings',
      'models               all',
      'requests per minute  default',
      'tokens per minute    default',
      'calls at once        default',
      'third parties        no',
      'created              2023-11-14 22:13',
      'expires              never',
      'last use             never',
      'old secret until     2023-11-14 23:13',
      'revoked              never',
    ].join('\n'),
  )
  const json = await run('keys', 'show', id, '--json')
  expect(jsonOf(json)).toMatchObject({ id, state: 'active', lastUsedAtMs: null })
  expect(out + json.out).not.toContain(secret)
  expect((await run('keys', 'show', 'key_x')).code).toBe(1)
})

test('list can be asked for by team', async () => {
  const storage = temporaryStorage()
  await commandsOver(storage)('keys', 'create', '--name', 'a', '--team', 'one')
  await commandsOver(storage)('keys', 'create', '--name', 'b', '--team', 'two')
  const { out } = await commandsOver(storage)('keys', 'list', '--team', 'two')
  expect(out.split('\n')).toHaveLength(2)
})

test.each([80, 100, 120])(
  'list on %i columns has every id whole, and every state',
  async (columns) => {
    const storage = temporaryStorage()
    const run = commandsOver(storage, { isTerminal: true, hasColour: true, columns })
    const asked =
      '--team a-team --scopes chat,embeddings,admin --models m/one,m/two --rpm 1000000000'
    const name = 'a name of some length, as people give them'
    const made = await run('keys', 'create', '--name', name, ...asked.split(' '), '--json')
    const { id } = jsonOf(made) as { id: string }
    const lines = (await run('keys', 'list')).out.split('\n').map(stripVTControlCharacters)
    expect(lines.every((line) => line.length <= columns)).toBe(true)
    expect(lines[1]).toMatch(new RegExp(`^${id} .* 1000000000 .*active$`))
  },
)

test('a name from before that would turn its line around is said without that', async () => {
  const storage = temporaryStorage()
  const registry = await openRegistry(storage)
  const terms = { ...termsOf(keyRequestSchema.parse({ name: 'web' }), 0), name: 'a\u202eb' }
  const { key } = await createKey(registry, terms, 'cli')
  await registry.close()
  const run = commandsOver(storage)
  const { id } = key
  const commands = ['list', `show ${id}`, `update ${id} --rpm 5`, `rotate ${id}`, `revoke ${id}`]
  for (const command of commands) {
    const { out, err } = await run('keys', ...command.split(' '))
    expect(out + err).toContain('a�b')
    expect(out + err).not.toContain('\u202e')
  }
})

test('audit says who did what, in a table and whole as JSON', async () => {
  const run = commandsOver(temporaryStorage())
  const { id } = await madeKey(run)
  await run('keys', 'revoke', id)
  const { out } = await run('audit', '--limit', '1')
  expect(out.split('\n')[0]).toMatch(/^WHEN \(UTC\) +WHO +DID +TO +WHAT$/)
  expect(out.split('\n')[1]).toMatch(new RegExp(`^2023-11-14 22:13 +cli +key.revoke +${id} `))
  const json = jsonOf(await run('audit', '--json'))
  const entries = [{ action: 'key.revoke' }, { action: 'key.create', after: { name: 'web' } }]
  expect(json).toMatchObject({ entries })
  expect(JSON.stringify(json)).not.toContain('pk-podgate')
})

test.each([
  ['no name', 'keys create', /--name/],
  ['a strange time', 'keys create --name a --expires 3x', /such as 30d/],
  ['no time at all', 'keys create --name a --expires 0d', /a time above zero/],
  ['an unknown scope', 'keys create --name a --scopes root', /allowed: chat, embeddings/i],
  ['a team with strange letters', 'keys create --name a --team ü', /Allowed: 1 to 64 letters/],
  ['a model with strange letters', 'keys create --name a --models ü', /Allowed: a model’s id/],
  ['no calls at once', 'keys create --name a --concurrency 0', /at least 1/],
  ['a strange overlap', 'keys rotate key_1 --overlap soon', /such as 30d/],
  ['no id to rotate', 'keys rotate', /missing required argument 'id'/],
  ['a strange number of entries', 'audit --limit some', /at least 1/],
  ['a strange moment', 'ledger export --from yesterday', /2026-11-01T08:30/],
  ['a day that is not there', 'ledger export --to 2026-13-01', /2026-11-01T08:30/],
  ['a strange format', 'ledger export --format xml', /Allowed choices are jsonl, csv/],
  ['no folder', 'backup', /missing required argument 'folder'/],
  ['no model', 'models disable', /missing required argument 'id'/],
  ['a rate of nothing', 'keys create --name a --rpm 0', /at least 1/],
  ['a rate beyond all', 'keys create --name a --rpm 1000000001', /at most 1000000000/],
  ['a strange third party', 'keys create --name a --third-party yes', /Allowed: true or false/],
  ['third parties by default', 'keys update key_1 --third-party default', /true or false/],
  ['tokens of nothing', 'keys create --name a --tpm 0', /at least 1/],
  ['no key to update', 'keys update --rpm 5', /missing required argument 'id'/],
  ['nothing to change', 'keys update key_1', /nothing was said to change/],
  ['nothing to change but JSON', 'keys update key_1 --json', /nothing was said to change/],
  ['a changed rate of nothing', 'keys update key_1 --rpm 0', /at least 1.*Or: default/],
  ['tokens for ever', 'keys update key_1 --tpm never', /whole number.*Or: default/],
  ['a strange number of calls', 'keys update key_1 --concurrency 1.5', /Or: default/],
  ['a changed life of no time', 'keys update key_1 --expires 0d', /above zero.*Or: never/],
  ['a life by default', 'keys update key_1 --expires default', /such as 30d.*Or: never/],
  ['a changed team of strange letters', 'keys update key_1 --team ü', /Allowed: 1 to 64 letters/],
  ['an unknown changed scope', 'keys update key_1 --scopes root', /allowed: chat, embeddings/i],
  ['some models and all', 'keys update key_1 --models a --all-models', /cannot be used with/],
  ['an empty name in a list', 'keys create --name a --models a,,b', /separated by commas/],
  ['an unknown option', 'keys list --all', /unknown option '--all'/],
  ['an unknown command', 'keys rename', /unknown command 'rename'/],
  ['no command', 'keys', /Usage: podgate keys/],
  ['no id', 'keys revoke', /missing required argument 'id'/],
])('%s is wrong usage', async (_what, line, says) => {
  const result = await commandsOver(temporaryStorage())(...line.split(' '))
  expect(result).toMatchObject({ code: 2, out: '' })
  expect(result.err).toMatch(says)
})

test.each([
  ...['create', 'update', 'list', 'show', 'rotate', 'revoke'].map((name) => `keys ${name}`),
  ...['apply', 'list', 'show', 'enable', 'disable', 'reset-circuit'].map(
    (name) => `models ${name}`,
  ),
  ...['ledger verify', 'ledger export', 'backup', 'audit', 'costs'],
])('`%s --help` shows an example, and needs no configuration', async (command) => {
  const loadSettings = () => {
    throw new Error('The configuration is broken.')
  }
  const run = commandsOver(temporaryStorage(), { loadSettings })
  const { code, out } = await run(...command.split(' '), '--help')
  expect(code).toBe(0)
  expect(out).toContain(`Example:\n  npm run podgate -- ${command}`)
})
