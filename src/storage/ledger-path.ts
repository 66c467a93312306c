// Where the ledger's file is. Not in `options.ts`, because the ledger's thread must not load zod.
import { basename, dirname, extname, join } from 'node:path'
import type { StorageOptions } from './options.ts'

export function ledgerPathOf(options: Pick<StorageOptions, 'path' | 'ledgerPath'>): string {
  if (options.ledgerPath !== null) return options.ledgerPath
  const extension = extname(options.path)
  const name = basename(options.path, extension)
  return join(dirname(options.path), `${name}-ledger${extension === '' ? '.db' : extension}`)
}
