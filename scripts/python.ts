// Python for the tests that need it. It is no part of the product: where there is none, such tests
// say so and pass, except in CI, where something that is not tested must not look tested.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The interpreter of a virtual environment with these packages in it, each in its one version; made
 * once. Null: no Python.
 */
export function pythonWith(packages: Readonly<Record<string, string>>): string | null {
  const python = findPython()
  if (python === null) return null
  const pinned = Object.entries(packages)
  const folder = join('data', ['python', ...pinned.flat()].join('-'))
  const interpreter = join(folder, 'bin', 'python')
  const done = join(folder, 'done')
  if (existsSync(done)) return interpreter
  run(python, ['-m', 'venv', '--clear', folder])
  const names = pinned.map(([name, version]) => `${name}==${version}`)
  run(interpreter, ['-m', 'pip', 'install', '--quiet', '--no-compile', ...names])
  run(interpreter, ['-c', `open(${JSON.stringify(done)}, 'w')`])
  return interpreter
}

/** The exit code of a test that could not be run. */
export function withoutPython(what: string): number {
  console.log(`No Python 3.10 or newer here: ${what} is not tested.`)
  return process.env.CI === 'true' ? 1 : 0
}

function findPython(): string | null {
  const isNew = 'import sys; sys.exit(sys.version_info < (3, 10))'
  const names = ['python3', 'python', 'python3.13', 'python3.12', 'python3.11', 'python3.10']
  return names.find((name) => spawnSync(name, ['-c', isNew]).status === 0) ?? null
}

function run(command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`)
}
