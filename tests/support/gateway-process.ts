// The gateway as operators run it: a process of its own, in a folder of its own, told everything by
// files and environment, and watched by what it prints and how it ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from './temporary-folder.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface GatewayProcess {
  folder: string
  process: ChildProcess
  stdout(): string
  stderr(): string
  /** What standard output says of itself by a pattern; rejects if the process ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  exited: Promise<number | null>
}

export interface ProcessGiven {
  /** `configs/<ENV>/…` in the process' folder. Files are JSON, which is YAML. */
  gateway?: unknown
  models?: readonly unknown[]
  env?: Record<string, string>
  args?: readonly string[]
  folder?: string
}

export function startProcess(given: ProcessGiven): GatewayProcess {
  const folder = given.folder ?? temporaryFolder()
  const env = { ENV: 'dev', API_PORT: '0', ...given.env }
  const configs = join(folder, 'configs', env.ENV)
  mkdirSync(configs, { recursive: true })
  if (given.gateway) writeFileSync(join(configs, 'gateway.yaml'), JSON.stringify(given.gateway))
  if (given.models) {
    writeFileSync(join(configs, 'models.yaml'), JSON.stringify({ models: given.models }))
  }
  const child = spawn(process.execPath, [main, 'serve', ...(given.args ?? [])], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return watch(child, folder)
}

function watch(child: ChildProcess, folder: string): GatewayProcess {
  const texts = { stdout: '', stderr: '' }
  const looks = new Set<() => void>()
  let isOver = false
  const tell = () => {
    for (const look of looks) look()
  }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (piece: string) => {
      texts[name] += piece
      tell()
    })
  }
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      isOver = true
      resolve(code)
      tell()
    })
  })
  return {
    folder,
    process: child,
    exited,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(texts.stdout)
          if (found === null && !isOver) return
          looks.delete(look)
          if (found !== null) resolve(found)
          else reject(new Error(`ended without ${pattern}:\n${texts.stdout}\n${texts.stderr}`))
        }
        looks.add(look)
        look()
      }),
  }
}

/** Its address, once it takes calls. */
export async function urlOf(gateway: GatewayProcess): Promise<string> {
  const [, url = ''] = await gateway.printed(/"event":"started","url":"([^"]+)"/)
  return url
}
