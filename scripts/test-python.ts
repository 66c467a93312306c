// Runs the official Python client's tests against a gateway of this checkout in front of the
// simulator. Python is no part of the product: where there is none, this says so and passes, except
// in CI, where something that is not tested must not look tested.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const clientVersion = '3.54.0'
const folder = join('data', `python-openai-${clientVersion}`)

process.exitCode = await main()

async function main(): Promise<number> {
  const python = findPython()
  if (python === null) {
    console.log('No Python 3.10 or newer here: the Python client is not tested.')
    return process.env.CI === 'true' ? 1 : 0
  }
  const interpreter = prepare(python)
  const storage = mkdtempSync(join(tmpdir(), 'podgate-python-'))
  const gateway = await startGateway(join(storage, 'podgate.db'))
  try {
    const args = ['-m', 'unittest', 'discover', '-s', 'tests/python', '-v']
    const env = { ...process.env, PODGATE_BASE_URL: gateway.baseUrl, PODGATE_KEY: gateway.key }
    return spawnSync(interpreter, args, { stdio: 'inherit', env }).status ?? 1
  } finally {
    await stop(gateway.process)
    rmSync(storage, { recursive: true, force: true })
  }
}

function findPython(): string | null {
  const isNew = 'import sys; sys.exit(sys.version_info < (3, 10))'
  const names = ['python3', 'python', 'python3.13', 'python3.12', 'python3.11', 'python3.10']
  return names.find((name) => spawnSync(name, ['-c', isNew]).status === 0) ?? null
}

/** The interpreter of a virtual environment with the client in it, made once. */
function prepare(python: string): string {
  const interpreter = join(folder, 'bin', 'python')
  const done = join(folder, 'done')
  if (existsSync(done)) return interpreter
  run(python, ['-m', 'venv', '--clear', folder])
  run(interpreter, ['-m', 'pip', 'install', '--quiet', `openai==${clientVersion}`])
  run(interpreter, ['-c', `open(${JSON.stringify(done)}, 'w')`])
  return interpreter
}

function run(command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`)
}

interface RunningGateway {
  process: ChildProcess
  baseUrl: string
  key: string
}

async function startGateway(path: string): Promise<RunningGateway> {
  const env = { ...process.env, ENV: 'dev', API_PORT: '0', LOG_LEVEL: 'silent' }
  const child = spawn(process.execPath, ['src/main.ts', 'serve'], {
    env: {
      ...env,
      SQLITE_DB_PATH: path,
      RUNPOD_API_KEY: '',
      RUNPOD_ENDPOINT_ID: '',
      RUNPOD_BASE_URL: '',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  for await (const piece of child.stdout.setEncoding('utf8')) {
    text += piece
    const baseUrl = /base URL {2}(\S+)/.exec(text)?.[1]
    const key = /key {7}(\S+)/.exec(text)?.[1]
    if (baseUrl !== undefined && key !== undefined) {
      return { process: child, baseUrl, key }
    }
  }
  throw new Error('The gateway ended before it was ready.')
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}
