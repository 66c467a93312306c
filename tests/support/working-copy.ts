// A folder as a fresh clone after `npm ci` is one, with a home of its own: what nobody changes is
// linked, the configuration is copied without a developer's own file, and `data/` is not there yet.
import { spawn } from 'node:child_process'
import { cpSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { type RunningProcess, watchProcess } from './running-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

export function workingCopy(): string {
  const folder = temporaryFolder()
  for (const name of ['src', 'scripts', 'node_modules']) {
    symlinkSync(join(root, name), join(folder, name))
  }
  for (const name of ['package.json', 'configs']) {
    cpSync(join(root, name), join(folder, name), {
      recursive: true,
      filter: (path) => !path.endsWith('local.env'),
    })
  }
  // curl says the status beside what an example shows.
  writeFileSync(join(folder, '.curlrc'), 'write-out = "%{stderr}HTTP %{http_code}"\n')
  return folder
}

export interface Shell extends RunningProcess {
  /** What a terminal does: the signal goes to all that the command started. */
  interrupt(): void
}

/** Runs a line as a terminal in the folder does. */
export function inShell(folder: string, line: string, env: Record<string, string> = {}): Shell {
  const child = spawn('bash', ['-c', line], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, npm_config_update_notifier: 'false', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own.
    detached: true,
  })
  const running = watchProcess(child)
  let isOver = false
  void running.exited.then(() => {
    isOver = true
  })
  const signal = (name: NodeJS.Signals) => {
    if (!isOver && child.pid !== undefined) process.kill(-child.pid, name)
  }
  onTestFinished(() => signal('SIGKILL'))
  return { ...running, interrupt: () => signal('SIGINT') }
}

export interface Printed {
  out: string
  err: string
  tookMs: number
}

/** What it printed; a command that fails is an error that shows it all. */
export async function printedBy(
  folder: string,
  line: string,
  env: Record<string, string> = {},
): Promise<Printed> {
  const startedAtMs = performance.now()
  const shell = inShell(folder, line, env)
  const code = await shell.exited
  const tookMs = performance.now() - startedAtMs
  const [out, err] = [shell.stdout(), shell.stderr()]
  if (code !== 0) throw new Error(`code ${code} of: ${line}\n${out}\n${err}`)
  return { out, err, tookMs }
}
