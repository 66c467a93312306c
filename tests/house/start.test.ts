// Both ways of starting Podgate are run as processes: `src/main.ts` and `scripts/podgate.js`.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { root } from './source-files.ts'

const options = { cwd: root, encoding: 'utf8' } as const

test('production’s way of starting works: node src/main.ts', () => {
  const help = execFileSync(process.execPath, ['src/main.ts', '--help'], options)
  for (const command of ['serve', 'keys', 'models', 'costs', 'simulate']) {
    expect(help).toContain(command)
  }
})

test('the terminal’s way of starting is the same', () => {
  const direct = execFileSync(process.execPath, ['src/main.ts', '--help'], options)
  expect(execFileSync(process.execPath, ['scripts/podgate.js', '--help'], options)).toBe(direct)
})

test('a command that does not exist is wrong usage', () => {
  const { status, stderr } = spawnSync(process.execPath, ['src/main.ts', 'serv'], options)
  expect(status).toBe(2)
  expect(stderr).not.toContain('    at ')
})

/** Not every machine has one; where there is, it must be told in one line. */
const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
  if (!existsSync(path)) return false
  const { stdout } = spawnSync(path, ['-p', 'process.versions.node.split(".")[0]'], options)
  return Number(stdout) < 24
})

test.runIf(oldNode !== undefined)('a Node that is too old is told so in one line', () => {
  const { status, stderr } = spawnSync(oldNode ?? '', ['scripts/podgate.js', 'serve'], options)
  expect(status).toBe(1)
  expect(stderr).toMatch(/^Podgate needs Node 24 or newer; this is v\d+.*\n$/)
})
