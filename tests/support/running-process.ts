// A process that a test has started, watched by what it prints and how it ends; and a command of
// ours as one, in a folder of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export interface RunningProcess {
  process: ChildProcess
  stdout(): string
  stderr(): string
  /** What standard output says of itself by a pattern; rejects if the process ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves when it has ended and nothing holds its output any more. */
  exited: Promise<number | null>
}

/** Through a terminal's way in: it keeps what was compiled for the next of many starts. */
const main = fileURLToPath(new URL('../../scripts/podgate.js', import.meta.url))

export function startCommand(
  folder: string,
  args: readonly string[],
  env: Record<string, string> = {},
): RunningProcess {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return watchProcess(child)
}

export function watchProcess(child: ChildProcess): RunningProcess {
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
