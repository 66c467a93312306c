// Storage options for a test's own folder.
import { join } from 'node:path'
import { type StorageOptions, storageOptions } from '#src/storage/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

export function temporaryStorage(changes: Partial<StorageOptions> = {}): StorageOptions {
  return { ...storageOptions.parse({ path: join(temporaryFolder(), 'podgate.db') }), ...changes }
}
