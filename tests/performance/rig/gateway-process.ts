// The gateway as it runs in production: `node src/main.ts serve` in a folder of its own, with keys and
// models in a registry that was filled by the same commands as anybody's, everything switched on,
// and its log in a file.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type StorageOptions, storageOptions } from '#src/storage/index.ts'
import { modelIds, type Target } from './wire-texts.ts'

export interface GatewayHome {
  folder: string
  /** The `src` that runs in it. */
  source: string
  storage: StorageOptions
  env: Record<string, string>
  target: Target
  adminKey: string
  modelsPath: string
  remove(): void
}

export interface GatewayProcess {
  pid: number
  child: ChildProcess
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

export interface HomeOptions {
  upstreamPort: number
  /** Places of every deployment. */
  slots: number
  slowClientMs: number
  /** The `src` of another version; by default the one beside this bench. */
  source?: string
  /** What the gateway has by default, where nothing is said. */
  ledgerSynchronous?: string
}

const ownSource = fileURLToPath(new URL('../../../src', import.meta.url))
const packageUrl = new URL('../../../package.json', import.meta.url)
/** What `npm start` gives to node. */
const startFlags: readonly string[] =
  readFileSync(packageUrl, 'utf8')
    .match(/"start": "node (.*?)scripts/)?.[1]
    ?.split(' ')
    .filter(Boolean) ?? []
const startMsMax = 15_000
const adminKey = 'bench-admin-key-0123456789'
const key = 'bench-key-0123456789abcdef'

export async function makeHome(options: HomeOptions): Promise<GatewayHome> {
  const folder = mkdtempSync(join(tmpdir(), 'podgate-bench-'))
  const port = await freePort()
  const storage = storageOptions.parse({ path: join(folder, 'podgate.db') })
  mkdirSync(join(folder, 'configs/prod'), { recursive: true })
  writeFileSync(join(folder, 'configs/prod/gateway.yaml'), configText(options))
  const modelsPath = join(folder, 'models.json')
  writeFileSync(modelsPath, modelsText(options))
  const env = {
    ENV: 'prod',
    API_PORT: String(port),
    API_KEYS: key,
    API_ADMIN_KEY: adminKey,
    SQLITE_DB_PATH: storage.path,
    PATH: process.env.PATH ?? '',
    // A hundred starts of the same code need not compile it a hundred times.
    NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
  }
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const { source = ownSource } = options
  const home = { folder, source, storage, env, target: { port, key }, adminKey, modelsPath, remove }
  try {
    await runCommand(home, ['models', 'apply', modelsPath])
  } catch (cause) {
    remove()
    throw cause
  }
  return home
}

function configText({ slowClientMs, ledgerSynchronous = 'normal' }: HomeOptions): string {
  return JSON.stringify({
    limits: { requestsPerMinute: 1_000_000_000 },
    relay: { slowClientMs },
    storage: { ledgerSynchronous },
  })
}

function modelsText({ upstreamPort, slots }: HomeOptions): string {
  const models = modelIds.map((id) => ({
    id,
    surfaces: ['openai-chat'],
    contextTokens: 131_072,
    prices: { prompt: 2, completion: 6 },
    deployments: [
      {
        id: `${id}-here`,
        kind: 'openai-compatible',
        servedName: id,
        slots,
        options: { baseUrl: `http://127.0.0.1:${upstreamPort}` },
      },
    ],
  }))
  return JSON.stringify({ models })
}

export interface ProcessOptions {
  nodeFlags?: readonly string[]
  /** A command that runs node's, such as strace. */
  before?: readonly string[]
}

/** Resolves when it takes calls. */
export async function startGatewayProcess(
  home: GatewayHome,
  { nodeFlags = [], before = [] }: ProcessOptions = {},
): Promise<GatewayProcess> {
  const log = openSync(join(home.folder, 'gateway.log'), 'a')
  const node = [process.execPath, ...startFlags, ...nodeFlags]
  const line = [...before, ...node, mainPathOf(home), 'serve']
  const [command = '', ...args] = line
  const child = spawn(command, args, {
    cwd: home.folder,
    env: home.env,
    stdio: ['ignore', log, 'inherit'],
  })
  closeSync(log)
  const exit = once(child, 'exit')
  const untilMs = performance.now() + startMsMax
  while (!(await isReady(home.target.port))) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`)
    if (performance.now() > untilMs) throw new Error('the gateway did not start in time')
    await delay(5)
  }
  const pid = before.length === 0 ? (child.pid ?? 0) : onlyChildOf(child.pid ?? 0)
  return {
    pid,
    child,
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return
      process.kill(pid, signal)
      await exit
    },
  }
}

function mainPathOf({ source }: GatewayHome): string {
  return join(source, 'main.ts')
}

function onlyChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
}

/** Runs another command of `podgate` on the same data; rejects with what it complained of. */
export async function runCommand(home: GatewayHome, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [mainPathOf(home), ...args], {
    cwd: home.folder,
    env: home.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (piece) => {
    complaint += piece
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`podgate ${args.join(' ')} ended with ${code}: ${complaint}`)
}

/** One value of `/metrics`; the sum where several series match. */
export async function readMetric(home: GatewayHome, series: RegExp): Promise<number> {
  const headers = { authorization: `Bearer ${home.adminKey}` }
  const url = `http://127.0.0.1:${home.target.port}/metrics`
  const text = await (await fetch(url, { headers })).text()
  const lines = text.split('\n').filter((line) => !line.startsWith('#') && series.test(line))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
  } catch {
    return false
  }
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0
      server.close(() => resolve(port))
    })
  })
}
