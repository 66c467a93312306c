// The gateway as it runs in production: `node src/main.ts serve` in a folder of its own, with keys and
// models in a registry that was filled by the same functions as anybody's, everything switched on,
// and its log in a file.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createKey } from '#src/keys/index.ts'
import { applyModels, readModelsFile } from '#src/models/index.ts'
import { openRegistry, type StorageOptions, storageOptions } from '#src/storage/index.ts'
import { checkDeployment } from '#src/upstreams/index.ts'
import { modelIds, type Target } from './wire-texts.ts'

export interface GatewayHome {
  folder: string
  storage: StorageOptions
  env: Record<string, string>
  target: Target
  adminKey: string
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
}

const mainPath = process.env.BENCH_MAIN ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const startMsMax = 15_000
const adminKey = 'bench-admin-key-0123456789'

export async function makeHome(options: HomeOptions): Promise<GatewayHome> {
  const folder = mkdtempSync(join(tmpdir(), 'podgate-bench-'))
  const port = await freePort()
  const storage = storageOptions.parse({ path: join(folder, 'podgate.db') })
  mkdirSync(join(folder, 'configs/prod'), { recursive: true })
  const file = `limits: { requestsPerMinute: 1000000000 }\nrelay: { slowClientMs: ${options.slowClientMs} }\n`
  writeFileSync(join(folder, 'configs/prod/gateway.yaml'), file)
  const key = await fillRegistry(storage, options)
  const env = {
    ENV: 'prod',
    API_PORT: String(port),
    API_ADMIN_KEY: adminKey,
    SQLITE_DB_PATH: storage.path,
    PATH: process.env.PATH ?? '',
  }
  const remove = () => rmSync(folder, { recursive: true, force: true })
  return { folder, storage, env, target: { port, key }, adminKey, remove }
}

async function fillRegistry(
  storage: StorageOptions,
  { upstreamPort, slots }: HomeOptions,
): Promise<string> {
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
  const registry = await openRegistry(storage)
  try {
    const file = readModelsFile(JSON.stringify({ models }), checkDeployment)
    const createdAtMs = Date.now()
    await applyModels(registry, file, { dryRun: false, nowMs: createdAtMs })
    const unlimited = { teamId: null, models: null, requestsPerMinute: null, expiresAtMs: null }
    return (await createKey(registry, { name: 'bench', ...unlimited, createdAtMs })).secret
  } finally {
    await registry.close()
  }
}

/** Resolves when it takes calls. */
export async function startGatewayProcess(
  home: GatewayHome,
  nodeFlags: readonly string[] = [],
): Promise<GatewayProcess> {
  const log = openSync(join(home.folder, 'gateway.log'), 'a')
  const child = spawn(process.execPath, [...nodeFlags, mainPath, 'serve'], {
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
  return {
    pid: child.pid ?? 0,
    child,
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      await exit
    },
  }
}

/** Runs another command of `podgate` on the same data. */
export function runCommand(home: GatewayHome, args: readonly string[]): ChildProcess {
  const options = { cwd: home.folder, env: home.env, stdio: 'ignore' as const }
  return spawn(process.execPath, [mainPath, ...args], options)
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
