// `--config FILE` and PODGATE_CONFIG: settings from another file than `configs/<ENV>/gateway.yaml`,
// for every command that has settings.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startCommand } from '../support/running-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function run(folder: string, line: string, env: Record<string, string> = {}) {
  const { exited, stdout, stderr } = startCommand(folder, line.split(' '), env)
  return { code: await exited, out: stdout(), err: stderr() }
}

/** A folder whose usual file and two others each name a registry of their own. */
function folderOfThree(): string {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'configs/dev'), { recursive: true })
  for (const [file, name] of [
    ['configs/dev/gateway.yaml', 'usual'],
    ['one.yaml', 'one'],
    ['two.yaml', 'two'],
  ] as const) {
    writeFileSync(join(folder, file), JSON.stringify({ storage: { path: `${name}/podgate.db` } }))
  }
  return folder
}

describe('a file that was named and is not there is told by its name', () => {
  test.each([
    'serve',
    'keys list',
    'keys create --name a',
    'models list',
    'models apply configs/dev/gateway.yaml',
    'costs',
    'ledger verify',
    'ledger export',
    'backup copies',
    'audit',
  ])('%s', async (command) => {
    const folder = folderOfThree()
    if (command.startsWith('models apply')) {
      writeFileSync(join(folder, 'configs/dev/gateway.yaml'), '{"models":[]}')
    }
    const { code, err } = await run(folder, `${command} --config nowhere.yaml`)
    expect([code, err]).toEqual([1, 'flag --config: nowhere.yaml is not there\n'])
  })

  test('by the environment', async () => {
    const env = { PODGATE_CONFIG: 'nowhere.yaml' }
    const { code, err } = await run(folderOfThree(), 'keys list', env)
    expect([code, err]).toEqual([1, 'environment PODGATE_CONFIG: nowhere.yaml is not there\n'])
  })
})

test('the flag wins over the environment, which wins over configs/local.env', async () => {
  const folder = folderOfThree()
  const named = async (line: string, env: Record<string, string> = {}) => {
    const { code, out } = await run(folder, `${line} --json`, env)
    expect(code).toBe(0)
    return JSON.parse(out).keys?.map(({ name }: { name: string }) => name)
  }
  const [one, two] = [{ PODGATE_CONFIG: 'one.yaml' }, { PODGATE_CONFIG: 'two.yaml' }]
  await named('keys create --name in-usual', { PODGATE_CONFIG: '' })
  await named('keys create --name in-one', one)
  await named('--config two.yaml keys create --name in-two', one)
  expect(await named('keys list')).toEqual(['in-usual'])
  expect(await named('keys list --config one.yaml', two)).toEqual(['in-one'])
  expect(await named('keys list', two)).toEqual(['in-two'])
  writeFileSync(join(folder, 'configs/local.env'), 'PODGATE_CONFIG=one.yaml\n')
  expect(await named('keys list')).toEqual(['in-one'])
  expect(await named('keys list', two)).toEqual(['in-two'])
})

test('a gateway starts from it, and mistakes within are told with its name', async () => {
  const folder = folderOfThree()
  writeFileSync(join(folder, 'mine.yaml'), JSON.stringify({ http: { port: 0, hots: 'x' } }))
  const wrong = await run(folder, 'serve --config mine.yaml')
  expect([wrong.code, wrong.err]).toEqual([
    1,
    'mine.yaml: http.hots is not an option; did you mean host?\n',
  ])
  const file = { http: { port: 0 }, storage: { path: 'mine/podgate.db' } }
  writeFileSync(join(folder, 'mine.yaml'), JSON.stringify(file))
  const gateway = startCommand(folder, ['serve', '--config', 'mine.yaml'])
  await gateway.printed(/"event":"started"/)
  gateway.process.kill('SIGTERM')
  expect(await gateway.exited).toBe(0)
  const { code, out } = await run(folder, 'models list --json --config mine.yaml')
  expect([code, JSON.parse(out)]).toEqual([0, { models: [] }])
})

test('the help of every command tells it', async () => {
  for (const line of ['--help', 'serve --help', 'keys list --help', 'audit --help']) {
    expect((await run(temporaryFolder(), line)).out).toMatch(/--config <file>.*\n?.*PODGATE_CONFIG/)
  }
})

test('the simulator reads no such file, and says so', async () => {
  const { code, err } = await run(folderOfThree(), 'simulate --config one.yaml')
  expect(code).toBe(2)
  expect(err).toContain('simulate reads no configuration')
})
