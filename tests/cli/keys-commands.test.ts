import { expect, onTestFinished, test } from 'vitest'
import { isPodgateKey, openKeyring } from '#src/keys/index.ts'
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
  expect(keyring.verify(secret)).toMatchObject({ name: 'website', isAdmin: false })
})

test('create keeps everything that was asked for', async () => {
  const run = commandsOver(temporaryStorage())
  const given = '--name web --team t1 --models a,b --rpm 60 --expires 30d --json'.split(' ')
  const made = jsonOf(await run('keys', 'create', ...given))
  const key = {
    name: 'web',
    teamId: 't1',
    models: ['a', 'b'],
    requestsPerMinute: 60,
    isAdmin: false,
    createdAtMs: commandNowMs,
    expiresAtMs: commandNowMs + 30 * dayMs,
  }
  expect(made).toMatchObject(key)
  const listed = jsonOf(await run('keys', 'list', '--json'))
  expect(listed).toMatchObject({ keys: [{ ...key, state: 'active', revokedAtMs: null }] })
  expect(JSON.stringify(listed)).not.toMatch(/secret|hash|pk-podgate/)
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
  expect(result).toEqual({ code: 1, out: '', err: 'There is no key key_x. See: podgate keys list' })
})

test.each([
  ['no name', 'keys create', /--name/],
  ['a strange time', 'keys create --name a --expires 3x', /such as 30d/],
  ['no time at all', 'keys create --name a --expires 0d', /such as 30d/],
  ['a rate of nothing', 'keys create --name a --rpm 0', /at least 1/],
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

test.each(['keys create', 'keys list', 'keys revoke', 'models apply', 'models list', 'costs'])(
  '`%s --help` shows an example, and needs no configuration',
  async (command) => {
    const loadSettings = () => {
      throw new Error('The configuration is broken.')
    }
    const run = commandsOver(temporaryStorage(), { loadSettings })
    const { code, out } = await run(...command.split(' '), '--help')
    expect(code).toBe(0)
    expect(out).toContain(`Example:\n  npm run podgate -- ${command}`)
  },
)
