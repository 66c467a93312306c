// Runs the tests of Python clients, OpenAI's own and LiteLLM's, against a gateway of this checkout in
// front of the simulator, and has Python read what generated bodies become on their way to a model's
// server.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { writeBodies } from '../tests/python/write-bodies.ts'
import { pythonWith, withoutPython } from './python.ts'

const clients = { openai: '3.54.0', litellm: '1.110.2' }
const generatedBodies = 12_000
/** LiteLLM's own types are not as pydantic would have them. */
const quiet = ['-W', 'ignore::UserWarning:pydantic._internal._generate_schema']

process.exitCode = await main()

async function main(): Promise<number> {
  const interpreter = pythonWith(clients)
  if (interpreter === null) return withoutPython('what Python clients meet')
  const folder = mkdtempSync(join(tmpdir(), 'podgate-python-'))
  // Without a developer's own local.env, which may name a real RunPod.
  cpSync('configs/dev', join(folder, 'configs/dev'), { recursive: true })
  const gateway = await startGateway(folder)
  try {
    const args = [...quiet, '-m', 'unittest', 'discover', '-s', 'tests/python', '-v']
    const bodies = join(folder, 'bodies.jsonl')
    writeBodies(bodies, generatedBodies)
    const env = {
      ...process.env,
      PODGATE_BASE_URL: gateway.baseUrl,
      PODGATE_KEY: gateway.key,
      PODGATE_ADMIN_KEY: readFileSync(join(folder, 'dev-admin-key'), 'utf8').trim(),
      PODGATE_BODIES: bodies,
    }
    return spawnSync(interpreter, args, { stdio: 'inherit', env }).status ?? 1
  } finally {
    await stop(gateway.process)
    rmSync(folder, { recursive: true, force: true })
  }
}

interface RunningGateway {
  process: ChildProcess
  baseUrl: string
  key: string
}

async function startGateway(folder: string): Promise<RunningGateway> {
  const env = { ...process.env, ENV: 'dev', API_PORT: '0', LOG_LEVEL: 'silent' }
  const child = spawn(process.execPath, [resolve('src/main.ts'), 'serve'], {
    cwd: folder,
    env: {
      ...env,
      SQLITE_DB_PATH: 'podgate.db',
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
