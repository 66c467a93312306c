// Copies both databases while gateways go on writing. SQLite's own online backup copies each in one
// step, because a copy in many steps begins anew whenever another process writes in between. A copy
// gets its name only when it is whole and passed SQLite's check. If both files have the same name,
// the copy of the ledger is called `<registry>-ledger`.
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import Database from 'better-sqlite3'
import { ledgerPathOf } from './ledger-database.ts'
import type { StorageOptions } from './options.ts'

export interface BackupFile {
  from: string
  path: string
  bytes: number
}

const allPages = 0x7fffffff

export async function backupDatabases(
  options: StorageOptions,
  folder: string,
): Promise<BackupFile[]> {
  const copies = copiesIn(options, folder).filter(({ from }) => existsSync(from))
  if (copies.length === 0) throw new Error(`There is no database at ${options.path}.`)
  for (const { path } of copies) {
    if (existsSync(path)) throw new Error(`${path} is there already: choose another folder.`)
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const done: BackupFile[] = []
  for (const copy of copies) {
    await copyWhole(copy.from, copy.path, options.busyTimeoutMs)
    done.push({ ...copy, bytes: statSync(copy.path).size })
  }
  return done
}

function copiesIn(options: StorageOptions, folder: string): { from: string; path: string }[] {
  const registry = { from: options.path, path: join(folder, basename(options.path)) }
  const from = ledgerPathOf(options)
  const sameFolder = join(folder, basename(from))
  const besideIt = ledgerPathOf({ path: registry.path, ledgerPath: null })
  return [registry, { from, path: sameFolder === registry.path ? besideIt : sameFolder }]
}

async function copyWhole(from: string, path: string, busyTimeoutMs: number): Promise<void> {
  const unfinished = `${path}.part`
  rmSync(unfinished, { force: true })
  const source = new Database(from, { readonly: true, timeout: busyTimeoutMs })
  try {
    await source.backup(unfinished, { progress: () => allPages })
  } finally {
    source.close()
  }
  chmodSync(unfinished, 0o600)
  refuseBroken(unfinished, path)
  renameSync(unfinished, path)
}

function refuseBroken(unfinished: string, path: string): void {
  const copy = new Database(unfinished)
  try {
    // Without a journal beside it, the one file can be moved and stored.
    copy.pragma('journal_mode = DELETE')
    const found = String(copy.pragma('integrity_check', { simple: true }))
    if (found !== 'ok') throw new Error(`The copy ${path} is damaged: ${found}`)
  } finally {
    copy.close()
  }
}
