// `podgate keys update`: each option changes its setting alone, and the answer says what was changed.
import { expect, test } from 'vitest'
import { commandNowMs, commandsOver, jsonOf } from '../support/run-commands.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const dayMs = 86_400_000
const terms =
  '--name web --team blue --models a,b --rpm 60 --tpm 9000 --concurrency 4 --expires 30d'

interface Shown {
  id: string
  secret?: string
}

async function given(changes = {}) {
  const storage = temporaryStorage()
  const run = commandsOver(storage, changes)
  const made = jsonOf(await run('keys', 'create', ...terms.split(' '), '--json'))
  const { secret = '', ...key } = made as Shown
  const update = (line: string) => run('keys', 'update', key.id, ...line.split(' '))
  const stored = async () => jsonOf(await run('keys', 'show', key.id, '--json'))
  return { storage, run, key, secret, update, stored }
}

/* biome-ignore format: a table reads as a table */
test.each<[string, string, unknown]>([
  ['--name shop',              'name',              'shop'],
  ['--team red',               'teamId',            'red'],
  ['--team none',              'teamId',            'none'],
  ['--no-team',                'teamId',            null],
  ['--scopes admin,chat',      'scopes',            ['chat', 'admin']],
  ['--models c',               'models',            ['c']],
  ['--models all',             'models',            ['all']],
  ['--all-models',             'models',            null],
  ['--rpm 61',                 'requestsPerMinute', 61],
  ['--rpm default',            'requestsPerMinute', null],
  ['--tpm 10000',              'tokensPerMinute',   10_000],
  ['--tpm default',            'tokensPerMinute',   null],
  ['--concurrency 5',          'concurrencyMax',    5],
  ['--concurrency default',    'concurrencyMax',    null],
  ['--third-party true',       'thirdParty',        true],
  ['--expires 1d',             'expiresAtMs',       commandNowMs + dayMs],
  ['--expires never',          'expiresAtMs',       null],
])('`%s` sets %s alone', async (line, field, value) => {
  const { key, update, stored } = await given()
  const { code, out } = await update(line)
  const name = field === 'name' ? value : 'web'
  expect({ code, out }).toEqual({
    code: 0,
    out: `Key ${key.id} (${name}) was changed: ${field}.`,
  })
  expect(await stored()).toEqual({ ...key, [field]: value })
})

test('several options are one change, which the audit has', async () => {
  const { run, key, update } = await given()
  const { out } = await update('--rpm 120 --tpm default --team red --name web')
  expect(out).toMatch(/was changed: teamId, requestsPerMinute, tokensPerMinute\.$/)
  expect(jsonOf(await run('audit', '--limit', '1', '--json'))).toMatchObject({
    entries: [
      {
        actor: 'cli',
        action: 'key.update',
        target: key.id,
        before: { teamId: 'blue', requestsPerMinute: 60, tokensPerMinute: 9000 },
        after: { teamId: 'red', requestsPerMinute: 120, tokensPerMinute: null },
      },
    ],
  })
})

test('what is so already is said, and is no failure', async () => {
  const { key, update } = await given()
  expect(await update('--rpm 60 --team blue')).toEqual({
    code: 0,
    out: `Key ${key.id} (web) is like this already.`,
    err: '',
  })
})

test('--json prints the key as `show --json` does, without its secret', async () => {
  const { secret, update, stored } = await given()
  const result = await update('--rpm 61 --json')
  expect(jsonOf(result)).toEqual(await stored())
  expect(result.out).not.toContain(secret.slice(11, 30))
})

test('notes models that do not exist', async () => {
  const { update } = await given()
  const { code, err } = await update('--models gtp-5')
  expect({ code, err }).toEqual({ code: 0, err: 'Note: there is no such model yet: gtp-5.' })
})

test('a key that is not there or is revoked: exit code 1', async () => {
  const { run, key, update } = await given()
  expect(await run('keys', 'update', 'key_x', '--rpm', '5')).toEqual({
    code: 1,
    out: '',
    err: 'The key key_x does not exist.',
  })
  await run('keys', 'revoke', key.id)
  expect(await update('--rpm 5')).toEqual({
    code: 1,
    out: '',
    err: `The key ${key.id} is revoked, and stays so.`,
  })
})

test('an expired key gets a new life', async () => {
  const { storage, key } = await given()
  const later = commandsOver(storage, { nowMs: () => commandNowMs + 31 * dayMs })
  expect((await later('keys', 'list')).out).toMatch(/expired$/)
  await later('keys', 'update', key.id, '--expires', '1d')
  expect((await later('keys', 'list')).out).toMatch(/active$/)
})

test('third parties are taken back as they were given', async () => {
  const { run, key, update, stored } = await given()
  await update('--third-party true')
  expect((await run('keys', 'list')).out.split('\n')).toMatchObject([/ THIRD /, / yes /])
  expect((await run('keys', 'show', key.id)).out).toMatch(/^third parties +yes$/m)
  expect((await update('--third-party false')).out).toMatch(/was changed: thirdParty\.$/)
  expect(await stored()).toEqual(key)
  expect((await run('keys', 'list')).out.split('\n')).toMatchObject([/ THIRD /, / no /])
})

test('the list has tokens per minute, where the screen has room for them', async () => {
  const { storage, run } = await given()
  expect((await run('keys', 'list')).out.split('\n')).toMatchObject([/ RPM +TPM /, / 60 +9000 /])
  const wide = commandsOver(storage, { isTerminal: true, columns: 120 })
  expect((await wide('keys', 'list')).out).toMatch(/ RPM +TPM /)
  const small = commandsOver(storage, { isTerminal: true, columns: 60 })
  expect((await small('keys', 'list')).out).not.toContain('TPM')
})
