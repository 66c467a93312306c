// Where the databases are. The registry (keys and models) is one file and the ledger another, so
// that a busy ledger never delays a command that changes a key.
import { resolve } from 'node:path'
import { z } from 'zod'

/** SQLite would give each connection a `:memory:` of its own and lose it with the process. */
const filePath = z
  .string()
  .min(1)
  .refine((path) => path.trim() !== '' && path !== ':memory:', {
    error: 'the path of a file: a database in memory is lost with its process',
  })

const eachOption = z.strictObject({
  path: filePath.default('data/podgate.db').describe('The registry: keys and models.'),
  ledgerPath: filePath
    .nullable()
    .default(null)
    .describe('The ledger; null puts it beside the registry.'),
  ledgerSynchronous: z
    .enum(['normal', 'full'])
    .default('normal')
    .describe('`normal` survives kill -9; `full` survives a power cut too, at one fsync a turn.'),
  ledgerHoldMs: z
    .int()
    .min(1)
    .default(5_000)
    .describe('How long the end of an answer waits for a ledger that cannot be written.'),
  busyTimeoutMs: z
    .int()
    .min(0)
    .max(50)
    .default(50)
    .describe('How long to wait for a locked database; the registry’s wait stops the event loop.'),
})

export const storageOptions = eachOption.refine(
  ({ path, ledgerPath }) => ledgerPath === null || resolve(ledgerPath) !== resolve(path),
  { path: ['ledgerPath'], error: 'another file than storage.path: the registry is in that one' },
)

export type StorageOptions = z.infer<typeof storageOptions>
