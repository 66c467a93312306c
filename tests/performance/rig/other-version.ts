// Another commit of this repository, to be measured beside the working tree: its files in a git
// worktree, its packages those that are installed here.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface OtherVersion extends Disposable {
  /** Short, for people. */
  commit: string
  source: string
}

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Throws where the two need different packages: it would not be their code that is compared. */
export function checkOut(ref: string): OtherVersion {
  const commit = git('rev-parse', '--short', '--verify', `${ref}^{commit}`)
  const theirs = dependenciesIn(git('show', `${commit}:package.json`))
  const ours = dependenciesIn(readFileSync(join(root, 'package.json'), 'utf8'))
  if (theirs !== ours) {
    throw new Error(`${ref} has other production dependencies:\n${theirs}\nhere:\n${ours}`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'podgate-against-'))
  const remove = () => {
    rmSync(folder, { recursive: true, force: true })
    git('worktree', 'prune')
  }
  try {
    git('worktree', 'add', '--detach', '--force', folder, commit)
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  } catch (cause) {
    remove()
    throw cause
  }
  return { commit, source: join(folder, 'src'), [Symbol.dispose]: remove }
}

function dependenciesIn(packageText: string): string {
  const { dependencies } = JSON.parse(packageText)
  return Object.entries<string>(dependencies)
    .map(([name, version]) => `${name} ${version}`)
    .sort()
    .join('\n')
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
}
