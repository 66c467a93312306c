// Keys for developing, kept between starts so that yesterday's curl line still works.
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export function keptKey(path: string, prefix: string): string {
  if (existsSync(path)) {
    const kept = readFileSync(path, 'utf8').trim()
    if (kept.length >= 16) return kept
  }
  const key = `${prefix}-${randomBytes(18).toString('hex')}`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${key}\n`, { mode: 0o600 })
  // A file that existed already keeps its mode when it is written.
  chmodSync(path, 0o600)
  return key
}
